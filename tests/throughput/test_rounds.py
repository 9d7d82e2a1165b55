from dataclasses import replace

import pytest

from harness.throughput.rounds import paired_ratios, require_pairs, strongest
from tests.helpers.disturbances import QUIET, busy


def test_ratios_are_paired_round_by_round():
    assert paired_ratios([4.0, 9.0], [2.0, 3.0]) == [2.0, 3.0]


def test_paired_positive_rounds_are_accepted():
    require_pairs([1.0, 2.0], [3.0, 4.0])


@pytest.mark.parametrize(
    ("speeds", "others"), [([], []), ([1.0], []), ([], [1.0]), ([1.0, 2.0], [1.0]), ([1.0], [0.0]), ([-1.0], [1.0])]
)
def test_unpaired_or_non_positive_rounds_are_refused(speeds, others):
    with pytest.raises(ValueError, match="rounds must come in pairs"):
        require_pairs(speeds, others)


def test_the_strongest_disturbance_is_that_which_took_most():
    throttled = replace(QUIET, gpu_throttled=True)
    assert strongest([QUIET, busy(0.2), None, busy(1.1)]) == busy(1.1)
    assert strongest([throttled, QUIET, busy(1.1)]) == throttled
    assert strongest([QUIET, None]) is None
    assert strongest([]) is None
