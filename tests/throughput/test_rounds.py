import pytest

from harness.throughput.rounds import paired_ratios, require_pairs


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
