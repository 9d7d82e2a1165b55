import pytest

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import COSTS, published_evidence
from harness.analysis.true_gain import thresholds, true_gains
from tests.analysis.synthetic_evidence import study


def both(find, evidence):
    return find(evidence, Comparisons(evidence))


def test_true_gain_is_accuracy_increase_over_cost_increase():
    evidence = study({"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4]},
                     seconds={"resnet20": {0: 10.0, 1: 11.0}, "resnet56": {0: 20.0, 1: 23.0}})  # fmt: skip
    (gain,) = both(true_gains, evidence)
    assert (gain.axis, gain.model, gain.base) == ("depth", "resnet56", "resnet20")
    assert gain.accuracy.difference.estimate == pytest.approx(1.1)
    # 1.0 over 1000 seconds and 1.2 over 1200: the mean of the seeds' quotients
    assert gain.per_cost["total_seconds"].mean == pytest.approx(0.001)
    assert gain.per_cost["params"].mean == pytest.approx(1.1 / 360_000)
    assert gain.per_cost["params"].scaled(1e6).mean == pytest.approx(1.1 / 0.36)


@pytest.mark.parametrize("cost", COSTS)
def test_true_gain_has_an_interval_at_every_cost(cost):
    (gain,) = both(true_gains, study({"resnet20": [90.0, 90.2, 90.1], "resnet56": [91.0, 91.4, 91.2]}))
    interval = gain.per_cost[cost]
    assert interval.low < interval.mean < interval.high


def test_no_gain_per_cost_if_not_more_expensive_than_the_base():
    gain, _ = both(true_gains, study({"resnet20": [90.0], "resnet56": [91.0], "resnet20-2": [92.0]},
                                     seconds={"resnet20": 20.0, "resnet56": 20.0}))  # fmt: skip
    assert gain.per_cost["total_seconds"] is None
    assert gain.per_cost["params"].mean > 0


def test_no_gain_per_second_without_times():
    (gain,) = both(true_gains, study({"resnet20": [90.0], "resnet56": [91.0]}, seconds={"resnet20": {0: None}}))
    assert gain.per_cost["total_seconds"] is None


def test_true_gains_cover_the_papers_models_depth_first():
    gains = both(true_gains, published_evidence("cifar10"))
    assert [gain.model for gain in gains] == ["resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet20-8"]
    assert gains[0].per_cost["total_seconds"].mean == pytest.approx(1.03 / (4.9 * 300))


@pytest.mark.parametrize("models", [[], ["resnet20"], ["resnet20", "resnet24"]])
def test_no_gains_and_no_thresholds_without_axes(models):
    evidence = study({model: [90.0] for model in models})
    assert both(true_gains, evidence) == both(thresholds, evidence) == []


BASE, CLEAR, CLEARER = [90.0, 90.1, 90.05], [91.0, 91.12, 91.04], [92.02, 92.09, 92.07]


@pytest.mark.parametrize(
    ("wider", "at"),
    [
        ({"resnet20-2": CLEAR, "resnet20-4": CLEARER}, None),
        ({"resnet20-2": CLEAR, "resnet20-4": [91.5, 90.0, 92.0]}, "resnet20-4"),
        ({"resnet20-2": CLEAR, "resnet20-4": [90.0, 90.13, 90.03]}, "resnet20-4"),
        ({"resnet20-2": [90.0, 90.2, 89.9], "resnet20-4": CLEARER}, "resnet20-2"),
    ],
)
def test_threshold_is_the_first_step_without_a_significant_gain(wider, at):
    (threshold,) = both(thresholds, study({"resnet20": BASE} | wider))
    assert (threshold.axis, threshold.at) == ("width", at)
    assert threshold.word == "overwidened"
    assert [step.other for step in threshold.steps] == ["resnet20", "resnet20-2"]


def test_steps_beyond_an_unmeasured_step_are_ignored():
    accuracies = {"resnet20": {0: 90.0, 1: 90.1}, "resnet56": {2: 91.0, 3: 91.1, 4: 91.2},
                  "resnet110": {2: 93.0, 3: 93.11, 4: 93.2}}  # fmt: skip
    assert both(thresholds, study(accuracies)) == []


def test_thresholds_of_the_paper():
    of_depth, of_width = both(thresholds, published_evidence("fashionmnist"))
    assert (of_depth.at, of_depth.word) == ("resnet56", "overdeepened")
    assert of_width.at == "resnet20-2"
    assert both(thresholds, published_evidence("cifar10"))[1].at is None
