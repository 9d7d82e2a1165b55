import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import published_evidence
from harness.analysis.thresholds import thresholds
from tests.analysis.synthetic_evidence import study

BASE, CLEAR, CLEARER = [90.0, 90.1, 90.05], [91.0, 91.12, 91.04], [92.02, 92.09, 92.07]


def thresholds_of(evidence):
    return thresholds(Comparisons(evidence))


@pytest.mark.parametrize("models", [[], ["resnet20"], ["resnet20", "resnet24"]])
def test_no_thresholds_without_axes(models):
    assert thresholds_of(study({model: [90.0] for model in models})) == []


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
    (threshold,) = thresholds_of(study({"resnet20": BASE} | wider))
    assert (threshold.axis, threshold.at, threshold.pays_to_the_end) == ("width", at, pays_to_the_end)
    assert (threshold.word, threshold.last) == ("overwidened", "resnet20-4")
    assert [one.model for one in threshold.steps] == ["resnet20", "resnet20-2"]


def test_threshold_lists_the_later_models_that_are_better():
    wider = {"resnet20-2": [90.0, 90.2, 89.9], "resnet20-4": CLEAR, "resnet20-8": CLEARER}
    (threshold,) = thresholds_of(study({"resnet20": BASE} | wider))
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
    found = thresholds_of(published_evidence("fashionmnist"))
    assert [(one.axis, one.at, one.word) for one in found] == [
        ("depth", None, "overdeepened"), ("width", None, "overwidened")
    ]  # fmt: skip
    assert not any(one.pays_to_the_end for one in found)


def test_seeds_of_an_axis_need_not_be_the_same():
    accuracies = {"resnet20": {0: 90.0, 1: 90.1}, "resnet56": {2: 91.0, 3: 91.1, 4: 91.2},
                  "resnet110": {2: 93.0, 3: 93.11, 4: 93.2}}  # fmt: skip
    (threshold,) = thresholds_of(study(accuracies))
    assert threshold.at == "resnet110"
