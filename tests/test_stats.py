import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from harness.stats import mean_interval

NUMBERS = st.integers(-10_000, 10_000).map(lambda hundredths: hundredths / 100)  # percentages


def test_a_hand_computed_interval():
    interval = mean_interval([1.0, 2.0, 3.0])
    # mean 2, standard deviation 1, t(.975, 2) = 4.302653: 2 ± 4.302653 / √3
    assert (interval.mean, interval.n) == (2, 3)
    assert interval.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert interval.high == pytest.approx(2 + 2.484138, abs=1e-6)
    assert interval.width == pytest.approx(4.968275, abs=1e-6)


@given(st.lists(NUMBERS, min_size=2, max_size=20), st.lists(NUMBERS, min_size=20, max_size=20))
def test_of_differences_it_is_scipys_paired_interval(one, other):
    other = other[: len(one)]
    differences = [a - b for a, b in zip(one, other, strict=True)]
    assume(max(differences) - min(differences) > 1e-3)  # scipy warns of differences that are all alike
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    interval = mean_interval(differences)
    assert interval.low == pytest.approx(expected.low, rel=1e-6, abs=1e-6)
    assert interval.high == pytest.approx(expected.high, rel=1e-6, abs=1e-6)


def test_one_value_has_a_mean_and_no_interval():
    interval = mean_interval([5.0])
    assert (interval.mean, interval.low, interval.high, interval.width, interval.n) == (5.0, None, None, None, 1)
    assert interval.contains(-1e9)


def test_an_interval_contains_what_lies_between_its_ends():
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.contains(2)
    assert interval.contains(interval.low)
    assert not interval.contains(interval.high + 1e-9)
    assert not interval.contains(-1)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_what_has_no_mean_is_refused(values):
    with pytest.raises(ValueError, match="a mean needs values"):
        mean_interval(values)
