"""Laws of error against cost: kept if they predict left-out models, and not otherwise."""

import numpy as np
import pytest
from scipy import stats

from harness.analysis.comparison import Comparisons
from harness.analysis.cost_laws import cost_laws
from tests.analysis.synthetic_evidence import study

DEPTHS = ("resnet20", "resnet32", "resnet44", "resnet56", "resnet110")


def laws_of(errors, **changes):
    evidence = study({model: [100 - error, 100 - error + 0.02] for model, error in errors.items()}, **changes)
    return {(one.axis, one.measure): one for one in cost_laws(Comparisons(evidence))}


def powers(exponent, models=DEPTHS, noise=0.0, seed=0):
    generator = np.random.default_rng(seed)
    depths = [int(model.removeprefix("resnet")) for model in models]
    errors = [8 * (depth / 20) ** exponent * np.exp(generator.normal(0, noise)) for depth in depths]
    return dict(zip(models, errors, strict=True))


def test_an_exact_law_is_found_and_predicts():
    found = laws_of(powers(-0.5))["depth", "params"]
    assert found.is_kept
    assert found.exponent.mean == pytest.approx(-0.5, abs=0.01)
    assert found.cost == 2 * 110 * 10_000
    assert found.accuracy_percent.mean == pytest.approx(100 - 8 * 11**-0.5, abs=0.05)
    assert found.accuracy_percent.low < found.accuracy_percent.mean < found.accuracy_percent.high


def test_each_cost_has_a_law_of_its_own():
    assert set(laws_of(powers(-0.5))) == {("depth", one) for one in ("total_seconds", "params", "macs")}


@pytest.mark.parametrize("models", [DEPTHS[:3], DEPTHS[:1], ()])
def test_fewer_than_four_models_have_no_law(models):
    assert laws_of(powers(-0.5, models)) == {}


def test_four_models_of_three_costs_have_no_law():
    sizes = {model: (1000 * min(place, 2) + 1, 1e6 * min(place, 2) + 1) for place, model in enumerate(DEPTHS[:4])}
    assert set(laws_of(powers(-0.5, DEPTHS[:4]), sizes=sizes)) == {("depth", "total_seconds")}


def test_an_accuracy_of_100_percent_has_no_law():
    evidence = study({model: [100.0, 100.0] for model in DEPTHS})
    assert cost_laws(Comparisons(evidence)) == []


def test_a_law_that_predicts_worse_than_the_mean_is_not_kept():
    found = laws_of(dict(zip(DEPTHS, (8.0, 7.9, 8.1, 8.0, 7.95), strict=True)))["depth", "params"]
    assert found.errors_points["law"] > found.errors_points["mean"]
    assert not found.is_kept


def test_a_law_that_predicts_worse_than_interpolation_is_not_kept():
    found = laws_of(dict(zip(DEPTHS, (8.0, 3.0, 1.2, 1.1, 1.0), strict=True)))["depth", "params"]
    bend = laws_of(dict(zip(DEPTHS, (8.0, 7.9, 7.6, 7.0, 3.0), strict=True)))["depth", "params"]
    assert found.errors_points["law"] < found.errors_points["mean"]
    for one in (found, bend):
        of = one.errors_points
        assert one.is_kept == (of["law"] < of["mean"] and of["law between"] <= of["interpolation"])
    assert not bend.is_kept


def test_left_out_errors_are_those_of_fits_to_the_other_models():
    errors = powers(-0.4, noise=0.1)
    found = laws_of(errors)["depth", "params"]
    cost = np.log([int(model.removeprefix("resnet")) for model in DEPTHS])
    y = np.array(list(errors.values())) - 0.01  # of two runs 0.02 apart
    wrong = []
    for out in range(len(DEPTHS)):
        kept = np.arange(len(DEPTHS)) != out
        line = stats.linregress(cost[kept], np.log(y[kept]))
        wrong.append(np.exp(line.intercept + line.slope * cost[out]) - y[out])
    assert found.errors_points["law"] == pytest.approx(np.sqrt(np.mean(np.square(wrong))))
    assert found.errors_points["law between"] == pytest.approx(np.sqrt(np.mean(np.square(wrong[1:-1]))))


def test_errors_without_a_trend_seldom_have_a_law():
    kept = [laws_of(powers(0.0, noise=0.1, seed=seed))["depth", "params"].is_kept for seed in range(60)]
    assert np.mean(kept) <= 0.35
