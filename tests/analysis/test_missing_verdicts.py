import pytest

from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.missing_verdicts import missing_verdicts
from tests.analysis.synthetic_evidence import study

ALL = ("resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4")
COMMON = {"resnet20": 5.0, "resnet56": 10.0, "resnet110": 20.0, "resnet20-2": 8.0, "resnet20-4": 25.0}


def reasons(models=ALL, **changes):
    accuracies = {model: (90.0 + k, 90.2 + k, 90.1 - k) for k, model in enumerate(models)}
    comparisons = Comparisons(study(accuracies, **changes))
    return missing_verdicts(comparisons, verdicts_of(comparisons))


def test_a_study_with_all_verdicts_has_no_reasons():
    assert reasons(seconds=COMMON) == {}


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        (("resnet20",), "no wider or deeper model here"),
        (("resnet20", "resnet56"), "no wider model here"),
        (("resnet20", "resnet20-2"), "no deeper model here"),
    ],
)
def test_missing_axes_are_the_reason_for_every_budget(models, reason):
    assert set(reasons(models).values()) == {reason}
    assert list(reasons(models)) == ["total_seconds", "params", "macs", "scale_factor"]


def test_unknown_times_and_costs_without_overlap_are_reasons():
    assert reasons(seconds=dict.fromkeys(ALL))["total_seconds"] == "training times are unknown"
    apart = {"resnet20": 5.0, "resnet56": 6.0, "resnet110": 7.0, "resnet20-2": 100.0, "resnet20-4": 200.0}
    found = reasons(seconds={**apart, "resnet20": 50.0})
    assert found == {"total_seconds": "the wider and the deeper models have no training time in common"}


def test_models_far_apart_have_no_common_scale_factor():
    found = reasons(("resnet20", "resnet110", "resnet20-2"), seconds=COMMON)
    assert found["scale_factor"] == "no wider and deeper model of about the same scale factor"
