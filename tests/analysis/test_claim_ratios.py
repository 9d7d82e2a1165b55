import math
from dataclasses import replace

import pytest

from harness.paper.claims import Greater, GrowsExponentially, Times
from tests.analysis.judging import EVEN, LOW, NO, ONE_RUN, UNKNOWN, UNTESTED, YES, finding, found, verdict
from tests.analysis.synthetic_evidence import measured, study

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
    times = {"resnet20-4": dict(enumerate(seconds)), "resnet110": 10.0}
    judged, found_numbers = found(TWICE, cifar10=study({"resnet20-4": LOW, "resnet110": LOW}, seconds=times))
    assert judged == expected
    assert numbers in (None, found_numbers)


@pytest.mark.parametrize(
    ("claimed", "seconds", "expected"),
    [(1.02, 10.1, YES), (1.02, 9.9, NO), (0.98, 9.9, YES), (0.98, 10.1, NO)],
)
def test_ratio_across_1_is_contradicted(claimed, seconds, expected):
    evidence = study({"resnet20-4": [90.0], "resnet110": [90.0]}, seconds={"resnet20-4": seconds, "resnet110": 10.0})
    assert verdict(replace(TWICE, ratio=claimed), cifar10=evidence) == expected


def test_ratio_of_times_of_one_run_each_is_judged_without_interval():
    evidence = study({"resnet20-4": [90.0], "resnet110": [90.0]}, seconds={"resnet20-4": 19.2, "resnet110": 10.0})
    assert found(TWICE, cifar10=evidence) == (YES, "+92.0 %")


def test_ratio_of_parameters_needs_no_interval_and_no_device():
    statement = Times("cifar10", "resnet20-4", "resnet110", "params", 4.0, "four times")
    evidence = measured({"resnet20-4": LOW, "resnet110": LOW})
    assert found(statement, cifar10=evidence) == (NO, "2.48 times")
    assert finding(statement, cifar10=evidence).note == ""
    assert verdict(replace(statement, ratio=2.5), cifar10=evidence) == YES
    assert verdict(Greater("cifar10", "resnet20-4", "resnet110", "params"), cifar10=evidence) == YES


MORE_GAIN = Greater("cifar10", "resnet20-4", "resnet110", "marginal_gain")
GAIN = Times("cifar10", "resnet20-4", "resnet110", "marginal_gain", 0.984, "−1.6 %")


@pytest.mark.parametrize("statement", [TWICE, GAIN, MORE_GAIN, GrowsExponentially("cifar10", "epoch_seconds")])
def test_statement_on_times_names_their_device(statement):
    models = ("resnet20", "resnet20-2", "resnet20-4", "resnet110")
    note = finding(statement, cifar10=measured({model: [90.0] for model in models})).note
    assert "timed on AMD EPYC, 2 threads, torch 2.15.0; another device gives other times" in note


@pytest.mark.parametrize("statement", [TWICE, MORE_GAIN])
def test_times_of_different_hardware_and_zeros_are_not_judged(statement):
    both = {"resnet20-4": [0.0], "resnet110": [0.0]}
    assert verdict(statement, cifar10=study(both, seconds={"resnet110": {0: None}})) == UNKNOWN
    if statement is not TWICE:
        assert verdict(statement, cifar10=study(both)) == UNKNOWN
    one, other = measured({"resnet20-4": LOW}), measured({"resnet110": LOW}, environment={"cpu": "Intel Xeon"})
    assert verdict(statement, cifar10=replace(one, runs=one.runs + other.runs)) == UNKNOWN


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((10.0, 10.2, 10.1), NO), ((1.0, 1.02, 1.01), YES), ((5.0, 1.0, 4.0), EVEN), ((3.0, 3.0, 3.0), EVEN)],
)
def test_greater_marginal_gain_is_judged_over_seeds(seconds, expected):
    times = {"resnet20-4": dict(enumerate(seconds)), "resnet110": 3.0}
    assert verdict(MORE_GAIN, cifar10=study({"resnet20-4": LOW, "resnet110": LOW}, seconds=times)) == expected


@pytest.mark.parametrize("statement", [MORE_GAIN, GAIN])
def test_marginal_gain_of_one_run_each_has_no_verdict(statement):
    evidence = study({"resnet20-4": [90.0], "resnet110": [90.0]}, seconds={"resnet20-4": 0.8, "resnet110": 0.5})
    assert found(statement, cifar10=evidence) == (ONE_RUN, "−37.5 %")


def widths(*seconds):
    by_model = dict(zip(("resnet24", "resnet24-2", "resnet24-4", "resnet24-8"), seconds, strict=False))
    return study({model: [90.0] for model in by_model}, "gtsrb", by_model)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (widths(*(math.exp(width) for width in (1, 2, 4, 8))), YES),
        (widths(1.0, 4.0, 16.0), NO),
        (widths(201.0, 438.0, 1255.6), UNTESTED),  # with three points both laws fit equally well
        (widths(3.0, 3.0, 3.0), NO),
        (widths(*(math.exp(-width) for width in (1, 2, 4))), NO),  # it falls
        (widths(1.0, 4.0), UNKNOWN),
        (widths(1.0, {0: None}, 16.0), UNKNOWN),
    ],
)
def test_exponential_growth_must_fit_better_than_a_power_of_width(evidence, expected):
    judged = finding(GrowsExponentially("gtsrb", "epoch_seconds"), gtsrb=evidence)
    assert judged.verdict == expected
    assert judged.note.startswith("both laws fit 3 widths equally well") == (expected == UNTESTED)
