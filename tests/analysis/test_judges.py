import math
from dataclasses import replace

import pytest

from harness.analysis.f1_bound import f1_bound
from harness.analysis.verdicts import judge
from harness.paper.claims import (
    Claim,
    FewerImagesWider,
    Greater,
    GrowsExponentially,
    MostAccurate,
    NearLiterature,
    PossibleF1,
    Times,
)
from harness.paper.published import STUDY_MODELS
from tests.analysis.judging import EVEN, HIGH, LOW, NO, UNKNOWN, WIDE, YES, found, verdict
from tests.analysis.synthetic_evidence import measured, study


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [(HIGH, LOW, YES), (LOW, HIGH, NO), (WIDE, LOW, EVEN), (LOW, LOW, EVEN), ([100.0] * 3, [0.0] * 3, EVEN)],
)
def test_more_accurate_is_judged_over_seeds(ours, theirs, expected):
    statement = Greater("cifar10", "resnet20-2", "resnet56")
    assert verdict(statement, cifar10=measured({"resnet20-2": ours, "resnet56": theirs})) == expected


def test_one_seed_with_predictions_is_judged_by_mcnemar():
    statement = Greater("cifar10", "resnet20-2", "resnet56")
    judged, numbers = found(statement, cifar10=measured({"resnet20-2": [92.0], "resnet56": [90.0]}))
    assert judged == YES
    assert numbers.endswith("McNemar on 10,000 images")
    assert "[" not in numbers
    assert "n = " not in numbers


def test_statement_on_a_missing_model_is_not_measured():
    statement = Greater("cifar10", "resnet20-2", "resnet56")
    assert verdict(statement, cifar10=study({"resnet20-2": HIGH})) == UNKNOWN
    disjoint = study({"resnet20-2": {0: 92.0, 1: 92.1}, "resnet56": {2: 90.0, 3: 90.1}})
    assert verdict(statement, cifar10=disjoint) == UNKNOWN


def best(**others):
    accuracies = {model: [89.0, 89.2, 89.1] for model in STUDY_MODELS["gtsrb"]} | {"resnet101": [93.0, 93.11, 93.3]}
    return study(accuracies | others, "gtsrb")


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (best(), YES),
        (best(resnet50=[92.0, 93.8, 93.4]), EVEN),
        (best(resnet50=[96.0, 96.25, 96.2]), NO),
        (best(resnet50={7: 92.0, 8: 92.1}), UNKNOWN),
    ],
)
def test_most_accurate_is_significantly_above_every_other_model(evidence, expected):
    assert verdict(MostAccurate("gtsrb", "resnet101"), gtsrb=evidence) == expected


TWICE = Times("cifar10", "resnet20-4", "resnet110", "epoch_seconds", 2.0, "twice")


@pytest.mark.parametrize(
    ("seconds", "expected", "numbers"),
    [
        ((20.0, 20.2, 20.1), YES, "2.01 times [1.99, 2.03], n = 3"),
        ((15.0, 15.2, 15.1), NO, "+51.0 % [+48.5, +53.5], n = 3"),
        ((19.0, 22.0, 20.0), EVEN, None),
        ((20.4, 21.4, 21.2), EVEN, None),  # at the edge of the tolerance
    ],
)
def test_ratio_is_supported_if_its_interval_is_within_tolerance(seconds, expected, numbers):
    evidence = measured({"resnet20-4": LOW, "resnet110": LOW}, seconds={"resnet20-4": seconds})
    judged, found_numbers = found(TWICE, cifar10=evidence)
    assert judged == expected
    assert numbers in (None, found_numbers)


@pytest.mark.parametrize(
    ("claimed", "seconds", "expected"),
    [(1.02, 10.1, YES), (1.02, 9.9, NO), (0.98, 9.9, YES), (0.98, 10.1, NO)],
)
def test_ratio_across_1_is_contradicted(claimed, seconds, expected):
    evidence = study({"resnet20-4": [90.0], "resnet110": [90.0]}, seconds={"resnet20-4": seconds, "resnet110": 10.0})
    assert verdict(replace(TWICE, ratio=claimed), cifar10=evidence) == expected


def test_ratio_of_one_run_each_has_no_interval():
    evidence = measured({"resnet20-4": [90.0], "resnet110": [90.0]}, seconds={"resnet20-4": 19.2})
    assert found(TWICE, cifar10=evidence) == (YES, "+92.0 %")


def test_ratio_of_parameters_needs_no_interval():
    statement = Times("cifar10", "resnet20-4", "resnet110", "params", 4.0, "four times")
    evidence = measured({"resnet20-4": LOW, "resnet110": LOW})
    assert found(statement, cifar10=evidence) == (NO, "2.48 times")
    assert verdict(replace(statement, ratio=2.5), cifar10=evidence) == YES
    assert verdict(Greater("cifar10", "resnet20-4", "resnet110", "params"), cifar10=evidence) == YES


@pytest.mark.parametrize("statement", [TWICE, Greater("cifar10", "resnet20-4", "resnet110", "marginal_gain")])
def test_times_of_different_hardware_and_zeros_are_not_judged(statement):
    both = {"resnet20-4": [0.0], "resnet110": [0.0]}
    assert verdict(statement, cifar10=study(both, seconds={"resnet110": {0: None}})) == UNKNOWN
    if statement is not TWICE:
        assert verdict(statement, cifar10=study(both)) == UNKNOWN
    one, other = measured({"resnet20-4": LOW}), measured({"resnet110": LOW}, environment={"cpu": "Intel Xeon"})
    assert verdict(statement, cifar10=replace(one, runs=one.runs + other.runs)) == UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((10.0, 10.2, 10.1), NO), ((1.0, 1.02, 1.01), YES), ((5.0, 1.0, 4.0), EVEN), (3.0, EVEN)],
)
def test_greater_marginal_gain_is_judged_over_seeds(seconds, expected):
    statement = Greater("cifar10", "resnet20-4", "resnet110", "marginal_gain")
    evidence = measured({"resnet20-4": LOW, "resnet110": LOW}, seconds={"resnet20-4": seconds, "resnet110": 3.0})
    assert verdict(statement, cifar10=evidence) == expected


def widths(*seconds):
    by_model = dict(zip(("resnet24", "resnet24-2", "resnet24-4", "resnet24-8"), seconds, strict=False))
    return study({model: [90.0] for model in by_model}, "gtsrb", by_model)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (widths(*(math.exp(width) for width in (1, 2, 4, 8))), YES),
        (widths(1.0, 4.0, 16.0), NO),
        (widths(201.0, 438.0, 1255.6), EVEN),  # with three points both laws fit equally well
        (widths(3.0, 3.0, 3.0), NO),
        (widths(*(math.exp(-width) for width in (1, 2, 4))), NO),  # it falls
        (widths(1.0, 4.0), UNKNOWN),
        (widths(1.0, {0: None}, 16.0), UNKNOWN),
    ],
)
def test_exponential_growth_must_fit_better_than_a_power_of_width(evidence, expected):
    assert verdict(GrowsExponentially("gtsrb", "epoch_seconds"), gtsrb=evidence) == expected


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([91.0, 91.1], YES), ([95.0, 95.1], YES), ([89.25], YES), ([89.24], NO), ([80.0, 80.1], NO),
        ([88.0, 90.0, 89.5], EVEN), ([89.0, 89.0], NO),
    ],
)  # fmt: skip
def test_near_literature_means_not_too_far_below(accuracies, expected):
    assert verdict(NearLiterature("resnet20", 2.0), cifar10=study({"resnet20": accuracies})) == expected


def wins(width, depth, dataset="cifar10"):
    if dataset == "gtsrb":
        return study({"resnet24": LOW, "resnet50": depth, "resnet24-2": width}, "gtsrb")
    return study({"resnet20": LOW, "resnet56": depth, "resnet20-2": width}, dataset)


@pytest.mark.parametrize(
    ("small", "large", "expected"),
    [
        ((HIGH, LOW), (LOW, HIGH), YES),
        ((LOW, HIGH), (HIGH, LOW), NO),
        ((HIGH, LOW), (HIGH, LOW), EVEN),
        ((HIGH, LOW), (WIDE, LOW), EVEN),
    ],
)
def test_small_data_wider_large_data_deeper_is_judged(small, large, expected):
    evidence = {"gtsrb": wins(*small, "gtsrb"), "fashionmnist": wins(*large, "fashionmnist")}
    assert verdict(FewerImagesWider(), **evidence) == expected


def test_dataset_size_claim_needs_two_datasets_of_the_study():
    assert verdict(FewerImagesWider(), gtsrb=wins(HIGH, LOW, "gtsrb")) == UNKNOWN
    evidence = {"gtsrb": wins(HIGH, LOW, "gtsrb"), "folder:/x/photos": wins(LOW, HIGH, "folder:/x/photos")}
    assert judge(Claim("C0", "", "", (FewerImagesWider(),)), evidence).verdict == UNKNOWN


def test_datasets_of_the_size_claim_are_one_family():
    near = [91.0, 91.6, 91.2], [90.0, 90.1, 90.2]  # p = .02 alone
    evidence = {"gtsrb": wins(*near, "gtsrb"), "fashionmnist": wins(*near[::-1], "fashionmnist")}
    assert verdict(FewerImagesWider(), **evidence) == YES
    assert verdict(FewerImagesWider(), **evidence, cifar10=wins(*near, "cifar10")) == EVEN


def test_f1_above_its_bound_contradicts_except_by_rounding():
    def with_f1(above):
        evidence = study({"resnet20": [90.0, 91.0]})
        last = evidence.runs[1]
        return replace(evidence, runs=(evidence.runs[0], replace(last, macro_f1_percent=f1_bound(last, 10) + above)))

    assert verdict(PossibleF1("cifar10"), cifar10=with_f1(-0.5)) == YES
    assert verdict(PossibleF1("cifar10"), cifar10=with_f1(0.009)) == YES
    judged, numbers = found(PossibleF1("cifar10"), cifar10=with_f1(0.02))
    assert judged == NO
    assert "at 91.00 %" in numbers


def test_measured_f1_is_never_impossible():
    assert verdict(PossibleF1("cifar10"), cifar10=measured({"resnet20": [0.0, 10.0, 55.0, 100.0]})) == YES
