import pytest

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import COSTS, published_evidence
from harness.analysis.true_gain import true_gains
from tests.analysis.synthetic_evidence import study


def gains_of(evidence):
    return true_gains(Comparisons(evidence))


def test_true_gain_is_accuracy_increase_over_cost_increase():
    evidence = study({"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4]},
                     seconds={"resnet20": {0: 10.0, 1: 11.0}, "resnet56": {0: 20.0, 1: 23.0}})  # fmt: skip
    (gain,) = gains_of(evidence)
    assert (gain.axis, gain.model, gain.base) == ("depth", "resnet56", "resnet20")
    assert gain.accuracy.estimate == pytest.approx(1.1)
    # 1.0 over 1000 seconds and 1.2 over 1200: the mean of the seeds' quotients
    assert gain.per_cost["total_seconds"].mean == pytest.approx(0.001)
    assert gain.per_cost["params"].mean == pytest.approx(1.1 / 360_000)
    assert gain.per_cost["params"].scaled(1e6).mean == pytest.approx(1.1 / 0.36)


@pytest.mark.parametrize("cost", COSTS)
def test_true_gain_has_an_interval_at_every_cost(cost):
    accuracies = {"resnet20": [90.0, 90.2, 90.1], "resnet56": [91.0, 91.4, 91.2]}
    (gain,) = gains_of(study(accuracies, use={"resnet20": (0.001, 0.0002), "resnet56": (0.003, 0.0005)}))
    interval = gain.per_cost[cost]
    assert interval.low < interval.mean < interval.high


def test_no_gain_per_cost_if_not_more_expensive_than_the_base():
    gain, _ = gains_of(study({"resnet20": [90.0], "resnet56": [91.0], "resnet20-2": [92.0]},
                                     seconds={"resnet20": 20.0, "resnet56": 20.0}))  # fmt: skip
    assert gain.per_cost["total_seconds"] is None
    assert gain.per_cost["params"].mean > 0


def test_no_gain_per_second_without_times():
    (gain,) = gains_of(study({"resnet20": [90.0], "resnet56": [91.0]}, seconds={"resnet20": {0: None}}))
    assert gain.per_cost["total_seconds"] is None


def test_true_gains_cover_the_papers_models_depth_first():
    gains = gains_of(published_evidence("cifar10"))
    assert [gain.model for gain in gains] == ["resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet20-8"]
    assert gains[0].per_cost["total_seconds"].mean == pytest.approx(1.03 / (4.9 * 300))


@pytest.mark.parametrize("models", [[], ["resnet20"], ["resnet20", "resnet24"]])
def test_no_gains_without_axes(models):
    evidence = study({model: [90.0] for model in models})
    assert gains_of(evidence) == []
