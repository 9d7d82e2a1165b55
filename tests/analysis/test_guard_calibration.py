"""The guard's rates of error over simulated cases: a spread of 0.35 points or 2 % between seeds, as digits has."""

import pytest

from tests.helpers.guarding import limits, violation_rate


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_a_change_equal_to_the_limit_violates_it_in_5_percent(seeds):
    found = limits()
    at_limit = [
        violation_rate(found["accuracy_percent"], 96.0, 95.5, 0.35, seeds),
        violation_rate(found["epoch_seconds"], 1.0, 1.1, 0.02, seeds),
    ]
    assert max(at_limit) < 0.065
    assert min(at_limit) > 0.02  # Welch's interval of two values is wide


def test_no_change_violates_a_default_limit_in_less_than_2_percent():
    found = limits()
    assert violation_rate(found["accuracy_percent"], 96.0, 96.0, 0.35) < 0.02
    assert violation_rate(found["epoch_seconds"], 1.0, 1.0, 0.02) < 0.001


def test_three_seeds_find_an_epoch_a_quarter_slower_and_two_points_less():
    found = limits()
    assert violation_rate(found["epoch_seconds"], 1.0, 1.25, 0.02) > 0.99
    assert violation_rate(found["accuracy_percent"], 96.0, 94.0, 0.35) > 0.9
