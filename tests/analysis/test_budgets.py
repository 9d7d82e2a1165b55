"""The verdict of each budget, on studies whose answer is known."""

import math

import pytest
from scipy import stats

from harness.analysis.budgets import budget_verdicts, takes_the_cheaper
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import published_evidence
from tests.analysis.budget_studies import (
    BUDGETS,
    DEEPER,
    EQUAL,
    NOISE,
    SECONDS,
    SIX,
    SIZES,
    WIDER,
    by_budget,
    means_of,
    noisy,
)
from tests.analysis.synthetic_evidence import study


@pytest.mark.parametrize(
    ("means", "outcome", "take"),
    [
        (WIDER, "wider", ["resnet20-4", "resnet20-2", "resnet20-2", "resnet20-4"]),
        (DEEPER, "deeper", ["resnet110"] * 4),
    ],
)
def test_clearly_better_side_wins_every_budget(means, outcome, take):
    found = by_budget(noisy(means))
    assert list(found) == BUDGETS
    assert [one.outcome for one in found.values()] == [outcome] * 4
    assert [one.take for one in found.values()] == take
    for one in found.values():
        assert one.p_value < 0.001
        assert not one.interval.contains(0)
        assert one.winner is (one.wide if outcome == "wider" else one.deep)
        assert one.is_decided


def test_verdicts_are_at_the_dearest_cost_of_both_axes():
    found = by_budget(noisy(WIDER))
    # depth ends at 110; width is interpolated between the two models that enclose its cost
    assert found["total_seconds"].cost == 2700
    assert found["total_seconds"].deep.weights == {"resnet110": 1}
    share = math.log(27 / 17) / math.log(47 / 17)
    assert found["total_seconds"].wide.weights == pytest.approx({"resnet20-4": 1 - share, "resnet20-8": share})
    assert (found["params"].cost, found["macs"].cost) == (1.73e6, 254e6)
    share = math.log(1.73 / 1.07) / math.log(4.29 / 1.07)
    assert found["params"].wide.weights == pytest.approx({"resnet20-2": 1 - share, "resnet20-4": share})
    assert (found["scale_factor"].cost, found["scale_factor"].wide.model) == (4, "resnet20-4")
    for budget in ("total_seconds", "params", "macs"):
        for side in (found[budget].wide, found[budget].deep):
            assert side.costs[budget] == pytest.approx(found[budget].cost)


def test_no_budget_beyond_the_costs_of_both_axes():
    cheap = {"resnet20": 10.0, "resnet56": 11.0, "resnet20-2": 20.0}
    dear = cheap | {"resnet20-2": 5.0}  # width costs less time than the base
    three = {model: [90.0 + k, 90.2, 90.1 + k] for k, model in enumerate(cheap)}
    assert by_budget(study(three, seconds=cheap))["total_seconds"].cost == 1100
    assert "total_seconds" not in by_budget(study(three, seconds=dear))


def test_depth_can_win_at_equal_cost_while_width_wins_at_equal_scale():
    # 20-4 has 2.5 times the parameters and MACs of 110: between 20-2 and 20-4, width is far below depth
    found = by_budget(noisy(means_of((91.0, 92.5), (90.5, 93.5, 94.0))))
    assert [found[budget].outcome for budget in ("params", "macs", "scale_factor")] == ["deeper", "deeper", "wider"]
    assert [found[budget].take for budget in ("params", "macs", "scale_factor")] == [
        "resnet110", "resnet110", "resnet20-4"
    ]  # fmt: skip
    assert all(one.p_value < 0.001 for one in found.values() if one.budget != "total_seconds")


def test_equal_models_are_equal_within_the_margin():
    found = by_budget(noisy(EQUAL))
    assert {one.outcome for one in found.values()} == {"equal"}
    for one in found.values():
        low, high = one.equality_interval.low, one.equality_interval.high
        assert -0.5 < low < high < 0.5
        assert one.p_value > 0.05
        assert one.no_worse == one.cheaper
        assert one.winner is None
    assert found["scale_factor"].take == "resnet20-4"  # 17 s against 27 s
    assert found["total_seconds"].take == "resnet110"  # 254M MACs against 640M of 20-4
    assert found["params"].take == "resnet20-2"  # 8 s against 27 s


def test_equal_verdict_takes_the_model_that_costs_less_itself():
    # interpolated at the budget, depth costs less time than 20-2, but its own model costs more
    sizes = {"resnet20": (1e6, 1e6), "resnet56": (3e6, 3e6), "resnet20-2": (3e6, 2.9e6)}
    seconds = {"resnet20": 10.0, "resnet56": 20.0, "resnet20-2": 19.9}
    accuracies = {model: [90.0, 90.1 + 0.01 * k, 90.2] for k, model in enumerate(sizes)}
    one = by_budget(study(accuracies, sizes=sizes, seconds=seconds))["macs"]
    assert (one.outcome, one.cheaper, one.take) == ("equal", "deep", "resnet20-2")


def test_equal_verdict_takes_a_model_only_if_shown_within_the_margin():
    """Interpolated at 56's size width equals it, but the base, which the budget allows, is 0.45 pp below."""
    sizes = {"resnet20": (1e6, 1e6), "resnet56": (2e6, 2e6), "resnet20-2": (2.3e6, 2.3e6)}
    noise, means = (0.0, 0.2, -0.2), {"resnet20": 90.0, "resnet56": 90.45, "resnet20-2": 90.5}
    accuracies = {
        model: [mean + noise[(k + seed) % 3] for seed in range(3)] for k, (model, mean) in enumerate(means.items())
    }
    evidence = study(accuracies, sizes=sizes)
    for margin, take, is_cheaper in ((0.6, "resnet56", False), (1.5, "resnet20", True)):
        one = by_budget(evidence, margin=margin)["params"]
        assert (one.outcome, one.take, takes_the_cheaper(evidence, one)) == ("equal", take, is_cheaper)


@pytest.mark.parametrize(("margin", "outcome"), [(0.5, "equal"), (0.05, "no significant difference")])
def test_margin_decides_what_is_equal(margin, outcome):
    found = by_budget(noisy(EQUAL), margin=margin)
    assert {one.outcome for one in found.values()} == {outcome}
    assert {one.margin for one in found.values()} == {margin}


def test_equality_is_two_one_sided_tests_at_alpha():
    evidence = noisy(EQUAL)
    comparisons = Comparisons(evidence)
    one = by_budget(evidence)["scale_factor"]
    contrast = comparisons.fit.contrast({"resnet20-4": 1.0, "resnet110": -1.0})
    half = stats.t.ppf(0.95, contrast.df) * contrast.standard_error
    equality = one.equality_interval
    assert (equality.low, equality.high) == pytest.approx((contrast.estimate - half, contrast.estimate + half))
    assert equality.confidence == pytest.approx(0.9)


def test_noise_gives_no_significant_difference_and_no_model_to_take():
    found = by_budget(noisy(EQUAL, seeds=3, spread=1.0))
    for one in found.values():
        assert (one.outcome, one.take, one.is_decided) == ("no significant difference", None, False)
        assert one.interval.contains(0)


def test_significant_difference_comes_before_equality():
    found = by_budget(noisy(means_of((90.0, 90.0), (90.2, 90.2, 90.2)), spread=0.03), margin=1.0)
    assert {one.outcome for one in found.values()} == {"wider"}


def test_cheaper_side_can_be_no_worse_without_being_equal():
    # depth 110 is the dearer one at equal scale factor, and 20-4 is a little above it
    one = by_budget(noisy(means_of((90.0, 90.0), (90.0, 90.35, 90.4)), seeds=4, spread=0.3))["scale_factor"]
    assert one.outcome == "no significant difference"
    assert (one.cheaper, one.no_worse) == ("wide", "wide")
    assert one.equality_interval.low > -0.5
    assert one.equality_interval.high > 0.5


def test_one_run_each_has_a_difference_and_nothing_else():
    for evidence in (noisy(WIDER, seeds=1), published_evidence("cifar10")):
        found = by_budget(evidence)
        assert list(found) == BUDGETS
        for one in found.values():
            assert (one.outcome, one.take, one.correction, one.no_worse) == ("one run each", None, "", None)
            assert (one.p_value, one.p_alone, one.equality_interval) == (None, None, None)
            assert (one.interval.low, one.interval.high, one.interval.n) == (None, None, 1)
            assert one.interval.mean == pytest.approx(one.wide.accuracy_percent - one.deep.accuracy_percent)


def test_pair_of_one_run_each_beside_repeated_models_has_no_verdict():
    accuracies = {model: (mean + 0.1 * NOISE[SIX.index(model), :4]).tolist() for model, mean in WIDER.items()}
    accuracies |= {model: accuracies[model][:1] for model in ("resnet110", "resnet20-4")}
    found = by_budget(study(accuracies, sizes=SIZES, seconds=SECONDS))
    one = found["scale_factor"]
    assert (one.outcome, one.p_value, one.interval.low, one.equality_interval) == ("one run each", None, None, None)
    assert found["params"].p_value is not None  # 20-2 has four runs
    assert found["params"].correction == "joint over 3 budgets"


def test_times_of_different_hardware_give_no_time_budget():
    evidence = noisy(WIDER)
    vars(evidence)["hardware"] = ("one device", "another device")
    found = by_budget(evidence)
    assert list(found) == BUDGETS[1:]
    assert list(found["scale_factor"].wide.costs) == ["params", "macs"]
    assert found["macs"].cheaper == "wide"  # fewer parameters, as neither time nor MACs can decide


@pytest.mark.parametrize(
    "models", [[], ["resnet20"], ["resnet20", "resnet56"], ["resnet20", "resnet20-2"], ["resnet20", "resnet24"]]
)
def test_no_verdicts_without_both_axes(models):
    evidence = study({model: [90.0, 90.2, 90.1 + k] for k, model in enumerate(models)})
    assert budget_verdicts(evidence) == ()


def test_models_of_different_scale_factors_have_no_scale_budget():
    found = by_budget(study({"resnet20": [90.0, 90.2], "resnet20-2": [91.0, 91.3], "resnet110": [92.0, 92.3]}))
    assert list(found) == BUDGETS[:3]
    assert found["macs"].correction == "joint over 3 budgets"


@pytest.mark.parametrize("accuracy", [0.0, 50.0, 100.0])
def test_exactly_equal_runs_are_not_tested(accuracy):
    found = by_budget(study({model: [accuracy] * 3 for model in SIX}))
    for one in found.values():
        assert (one.outcome, one.p_value, one.interval.low) == ("no significant difference", None, None)
        assert one.interval.mean == pytest.approx(0, abs=1e-9)


def test_seeds_of_unequal_models_leave_difference_and_means_in_step():
    accuracies = {
        "resnet20": {0: 90.0, 1: 91.0, 2: 90.3},
        "resnet56": {0: 91.1, 1: 92.0},
        "resnet20-2": {2: 92.3, 1: 93.0},
    }
    for one in budget_verdicts(study(accuracies)):
        assert one.interval.mean == pytest.approx(one.wide.accuracy_percent - one.deep.accuracy_percent)
        assert one.interval.n == (2 if len(one.wide.weights) + len(one.deep.weights) > 2 else 1)
