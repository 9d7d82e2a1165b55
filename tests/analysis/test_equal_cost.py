import math

import pytest

from harness.analysis.comparison import Comparisons
from harness.analysis.equal_cost import dearest, difference_of, equal_costs
from harness.analysis.evidence import TRAINING_COSTS, published_evidence
from tests.analysis.synthetic_evidence import study

THREE = {"resnet20": [90.0, 90.2], "resnet56": [91.0, 91.4], "resnet20-2": [92.0, 92.1]}
SECONDS = {"resnet20": 10.0, "resnet56": 40.0, "resnet20-2": 20.0}


def at_equal_time(seconds, accuracies=THREE):
    return [one for one in equal_costs(study(accuracies, seconds=seconds)) if one.measure == "total_seconds"]


def test_depth_is_interpolated_on_the_logarithm_of_the_cost():
    (one,) = at_equal_time(SECONDS)
    # 20 seconds are half way between 10 and 40 on the logarithm
    assert (one.model, one.between, one.cost, one.share) == (
        "resnet20-2", ("resnet20", "resnet56"), 2000, pytest.approx(0.5)
    )  # fmt: skip
    assert one.wide == {"resnet20-2": 1}
    assert one.deep == pytest.approx({"resnet20": 0.5, "resnet56": 0.5})
    assert one.contrast == pytest.approx({"resnet20-2": 1, "resnet20": -0.5, "resnet56": -0.5})
    contrast = Comparisons(study(THREE, seconds=SECONDS)).fit.contrast(one.contrast)
    assert contrast.estimate == pytest.approx(92.05 - (90.5 + 90.8) / 2)


@pytest.mark.parametrize("time", [40.1, 9.9])
def test_nothing_is_extrapolated(time):
    assert [one.axis for one in at_equal_time(SECONDS | {"resnet20-2": 39.9})] == ["width"]
    others = at_equal_time(SECONDS | {"resnet20-2": time})
    assert [(one.axis, one.model) for one in others] == ([("depth", "resnet56")] if time > 40 else [])


def test_deep_model_is_compared_with_width_at_its_cost():
    (one,) = at_equal_time(SECONDS | {"resnet20-2": 160.0})
    # 40 seconds are half way between 10 and 160; the contrast is still wide minus deep
    assert (one.axis, one.model, one.between) == ("depth", "resnet56", ("resnet20", "resnet20-2"))
    assert one.contrast == pytest.approx({"resnet20": 0.5, "resnet20-2": 0.5, "resnet56": -1})


@pytest.mark.parametrize(("time", "deep"), [(10.0, "resnet20"), (40.0, "resnet56")])
def test_interpolation_at_a_models_own_cost_is_that_model(time, deep):
    found = at_equal_time(SECONDS | {"resnet20-2": time})
    assert next(one for one in found if one.axis == "width").deep == pytest.approx({deep: 1})


def test_model_in_both_sides_counts_once():
    assert difference_of({"resnet20": 0.4, "resnet20-2": 0.6}, {"resnet20": 1.0}) == pytest.approx(
        {"resnet20": -0.6, "resnet20-2": 0.6}
    )


def test_weights_of_a_contrast_add_up_to_0():
    for dataset in ("cifar10", "fashionmnist", "gtsrb"):
        for one in equal_costs(published_evidence(dataset)):
            assert sum(one.contrast.values()) == pytest.approx(0)
            assert sum(one.wide.values()) == pytest.approx(1)


@pytest.mark.parametrize("models", [["resnet20"], ["resnet20", "resnet20-2"], ["resnet20", "resnet56"], []])
def test_equal_cost_needs_both_axes(models):
    assert equal_costs(study({model: THREE[model] for model in models})) == []


def test_no_equal_time_without_times():
    evidence = study(THREE, seconds=SECONDS | {"resnet56": {0: None, 1: None}})
    assert {one.measure for one in equal_costs(evidence)} == {"params", "macs"}
    assert set(dearest(equal_costs(evidence))) == {"params", "macs"}


def test_paper_comparisons_stay_within_the_costs_of_its_depths():
    found = {(one.measure, one.model): one for one in equal_costs(published_evidence("cifar10"))}
    assert {key for key, one in found.items() if one.axis == "width"} == {
        ("total_seconds", "resnet20-2"), ("params", "resnet20-2"), ("macs", "resnet20-2")
    }  # fmt: skip
    share = math.log(1_073_962 / 853_018) / math.log(1_727_962 / 853_018)
    assert found["params", "resnet20-2"].deep == pytest.approx({"resnet56": 1 - share, "resnet110": share})


@pytest.mark.parametrize("dataset", ["cifar10", "gtsrb"])
def test_dearest_common_cost_is_that_of_the_cheaper_end(dataset):
    evidence = published_evidence(dataset)
    axes, found = evidence.axes, dearest(equal_costs(evidence))
    assert list(found) == list(TRAINING_COSTS)
    for measure, one in found.items():
        ends = [evidence.mean(models[-1], measure).mean for models in (axes.depth, axes.width)]
        assert one.cost == min(ends)
