"""The corrected p-values of the budgets, and properties of the verdicts of random studies."""

from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.budgets import AFFORDABLE, budget_verdicts, verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.sequential import pocock_level
from tests.analysis.budget_studies import BUDGETS, CLOSE, NOISE, SECONDS, SIX, SIZES, WIDER, by_budget, means_of, noisy
from tests.analysis.synthetic_evidence import study


def test_scale_factor_has_the_p_value_of_its_pair():
    evidence = noisy(WIDER, seeds=2, spread=0.8)
    comparisons = Comparisons(evidence)
    one = verdicts_of(comparisons)[-1]
    pair = comparisons.of("resnet20-4", "resnet110")
    assert (one.p_value, one.p_alone, one.interval) == (pair.p_value, pair.p_alone, pair.interval)
    assert one.correction == "Holm over 2 pairs"
    (alone,) = [v for v in budget_verdicts(noisy({m: WIDER[m] for m in ("resnet20", "resnet56", "resnet20-2")}))
                if v.budget == "scale_factor"]  # fmt: skip
    assert alone.correction == ""
    assert alone.p_value == alone.p_alone


def test_costs_are_corrected_by_the_joint_multivariate_t():
    evidence = noisy(CLOSE, seeds=4, spread=0.4)
    fit, found = Comparisons(evidence).fit, by_budget(evidence)
    weights = [{model: one.wide.weights.get(model, 0.0) - one.deep.weights.get(model, 0.0) for model in SIX}
               for one in found.values()]  # fmt: skip
    contrasts = fit.contrasts(weights)
    generator = np.random.default_rng(0)
    z = generator.multivariate_normal(np.zeros(4), np.array(weights_matrix(weights)), size=100_000)
    z /= z.std(axis=0)
    largest = np.abs(z / np.sqrt(generator.chisquare(fit.df, size=(100_000, 1)) / fit.df)).max(axis=1)
    for one, contrast in zip(list(found.values())[:3], contrasts, strict=False):
        assert one.p_value == pytest.approx(np.mean(largest > abs(contrast.t)), abs=6e-3)
        assert one.p_alone == pytest.approx(contrast.p_value)
        half = np.quantile(largest, 0.95) * contrast.standard_error
        assert one.interval.high - one.interval.mean == pytest.approx(half, rel=0.01)
        assert one.correction == "joint over 4 budgets"


def weights_matrix(weights):
    """Return the covariance of contrasts of independent means, up to a factor."""
    matrix = np.array([[one[model] for model in SIX] for one in weights])
    return matrix @ matrix.T


def test_joint_correction_costs_less_than_bonferroni():
    for one in by_budget(noisy(CLOSE, seeds=4, spread=0.4)).values():
        assert one.p_alone <= one.p_value <= min(1, 4 * one.p_alone) + 1e-3


def test_level_of_a_look_is_stricter():
    evidence = noisy(means_of((90.0, 90.0), (90.55, 90.55, 90.55)), seeds=3, spread=0.3)
    usual, look = by_budget(evidence), by_budget(evidence, alpha=pocock_level(3))
    for budget in BUDGETS:
        assert look[budget].p_value == pytest.approx(usual[budget].p_value)
        assert look[budget].interval.width > usual[budget].interval.width
        assert look[budget].equality_interval.high > usual[budget].equality_interval.high


MEANS = st.lists(st.sampled_from([89.0, 90.0, 90.3, 91.0, 92.0]), min_size=6, max_size=6)


@given(MEANS, st.lists(st.integers(1, 4), min_size=6, max_size=6), st.sampled_from([0.02, 0.2, 1.0]))
@settings(deadline=None, max_examples=12)  # the joint t is slow
def test_verdicts_of_random_studies_are_coherent(means, seeds, spread):
    accuracies = {model: (mean + spread * NOISE[row, :n]).tolist()
                  for row, (model, mean, n) in enumerate(zip(SIX, means, seeds, strict=True))}  # fmt: skip
    evidence = study(accuracies, sizes=SIZES, seconds=SECONDS)
    for one in budget_verdicts(evidence):
        assert one.interval.mean == pytest.approx(one.wide.accuracy_percent - one.deep.accuracy_percent)
        assert one.is_decided == (one.outcome in ("wider", "deeper", "equal"))
        if one.p_value is None:
            assert (one.interval.low, one.take, one.is_decided) == (None, None, False)
            continue
        if not one.interval.contains(0) and one.budget == "scale_factor":
            assert one.p_value < 0.05
        if one.outcome in ("wider", "deeper"):
            assert one.p_value < 0.05
            assert (one.interval.mean > 0) == (one.outcome == "wider")
        if one.take is not None:
            assert one.is_decided
            loser = {"wider": evidence.axes.depth, "deeper": evidence.axes.width}.get(one.outcome, ())
            assert one.take not in loser
            if one.budget != "scale_factor":
                cost = fmean(evidence.values(one.take, one.budget).values())
                assert cost <= AFFORDABLE * one.cost


@given(MEANS)
@settings(deadline=None, max_examples=5)
def test_constant_added_to_all_accuracies_changes_no_verdict(means):
    one, other = (budget_verdicts(noisy({m: v + constant for m, v in zip(SIX, means, strict=True)}))
                  for constant in (0.0, -40.0))  # fmt: skip
    for first, second in zip(one, other, strict=True):
        assert (first.outcome, first.take) == (second.outcome, second.take)
        assert first.p_value == pytest.approx(second.p_value, abs=1e-6)


def test_model_level_with_the_loser_is_taken_whatever_the_rounding():
    means = [90.3, 91.0, 89.0, 91.0, 89.0, 90.3]  # 20-4 and the deeper 110 have the same mean
    for constant in (0.0, -40.0):
        found = by_budget(noisy({m: v + constant for m, v in zip(SIX, means, strict=True)}))
        assert found["total_seconds"].take == "resnet20-4"


def test_pair_of_equal_costs_has_its_one_p_value_at_every_budget():
    costs = {"resnet20": 1.0, "resnet56": 2.0, "resnet110": 4.0, "resnet20-2": 2.0, "resnet20-4": 4.0}
    accuracies = {model: [90.0 + 0.1 * k, 90.3, 90.1 + 0.05 * k, 90.2] for k, model in enumerate(costs)}
    evidence = study(accuracies, seconds=costs, sizes={model: (cost, cost) for model, cost in costs.items()})
    found = by_budget(evidence)
    assert set(found) == set(BUDGETS)
    assert {one.p_value for one in found.values()} == {Comparisons(evidence).of("resnet20-4", "resnet110").p_value}
