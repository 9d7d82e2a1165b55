import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import COSTS, published_evidence
from harness.analysis.true_gain import thresholds, true_gains
from tests.analysis.synthetic_evidence import study


def both(find, evidence):
    return find(Comparisons(evidence))


def test_true_gain_is_accuracy_increase_over_cost_increase():
    evidence = study({"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4]},
                     seconds={"resnet20": {0: 10.0, 1: 11.0}, "resnet56": {0: 20.0, 1: 23.0}})  # fmt: skip
    (gain,) = both(true_gains, evidence)
    assert (gain.axis, gain.model, gain.base) == ("depth", "resnet56", "resnet20")
    assert gain.accuracy.estimate == pytest.approx(1.1)
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
    ("wider", "at", "pays_to_the_end"),
    [
        ({"resnet20-2": CLEAR, "resnet20-4": CLEARER}, "resnet20-4", True),
        ({"resnet20-2": CLEAR, "resnet20-4": [91.4, 90.4, 91.6]}, "resnet20-2", False),
        ({"resnet20-2": CLEAR, "resnet20-4": [90.0, 90.13, 90.03]}, "resnet20-2", False),
        # 20-2 is not above the base, but 20-4 is: the axis pays beyond both
        ({"resnet20-2": [90.0, 90.2, 89.9], "resnet20-4": CLEARER}, "resnet20-4", True),
        ({"resnet20-2": [90.0, 90.2, 89.9], "resnet20-4": [90.1, 90.0, 90.2]}, "resnet20", False),
    ],
)
def test_threshold_is_the_first_model_that_no_later_one_is_above(wider, at, pays_to_the_end):
    (threshold,) = both(thresholds, study({"resnet20": BASE} | wider))
    assert (threshold.axis, threshold.at, threshold.pays_to_the_end) == ("width", at, pays_to_the_end)
    assert (threshold.word, threshold.last) == ("overwidened", "resnet20-4")
    assert [one.model for one in threshold.steps] == ["resnet20", "resnet20-2"]


def test_threshold_lists_the_later_models_that_are_better():
    wider = {"resnet20-2": [90.0, 90.2, 89.9], "resnet20-4": CLEAR, "resnet20-8": CLEARER}
    (threshold,) = both(thresholds, study({"resnet20": BASE} | wider))
    assert [one.better for one in threshold.steps] == [
        ("resnet20-4", "resnet20-8"), ("resnet20-4", "resnet20-8"), ("resnet20-8",)
    ]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from([90.0, 90.2, 90.5, 91.0, 92.0]), min_size=3, max_size=3), min_size=4,
                max_size=4))  # fmt: skip
@settings(deadline=None, max_examples=25)  # statsmodels is slow
def test_threshold_never_contradicts_the_table_of_differences(accuracies):
    models = ["resnet20", "resnet20-2", "resnet20-4", "resnet20-8"]
    comparisons = Comparisons(study(dict(zip(models, accuracies, strict=True))))
    (threshold,) = thresholds(comparisons)
    if comparisons.fit is None:
        assert threshold.at is None
        return
    place = models.index(threshold.at)
    assert not any(comparisons.of(later, threshold.at).is_better for later in models[place + 1 :])
    for before in range(place):
        assert any(comparisons.of(later, models[before]).is_better for later in models[before + 1 :])


def test_one_run_each_has_no_threshold():
    found = both(thresholds, published_evidence("fashionmnist"))
    assert [(one.axis, one.at, one.word) for one in found] == [
        ("depth", None, "overdeepened"), ("width", None, "overwidened")
    ]  # fmt: skip
    assert not any(one.pays_to_the_end for one in found)


def test_seeds_of_an_axis_need_not_be_the_same():
    accuracies = {"resnet20": {0: 90.0, 1: 90.1}, "resnet56": {2: 91.0, 3: 91.1, 4: 91.2},
                  "resnet110": {2: 93.0, 3: 93.11, 4: 93.2}}  # fmt: skip
    (threshold,) = both(thresholds, study(accuracies))
    assert threshold.at == "resnet110"
