import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from harness.stats import fit_growth, mean_interval

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


@given(
    st.floats(-3, 3),
    st.floats(0.01, 100),
    st.lists(st.integers(1, 10_000), min_size=3, max_size=8, unique=True),
)
def test_a_power_law_is_found_again(exponent, factor, x):
    growth = fit_growth(x, [factor * value**exponent for value in x])
    assert growth.exponent == pytest.approx(exponent, abs=1e-6)
    assert growth.r_squared == pytest.approx(1, abs=1e-6) or abs(exponent) < 1e-3


def test_the_fit_is_least_squares_on_the_logarithms():
    growth = fit_growth([1, 10, 100], [1, 10, 1])  # a mountain: no slope, nothing explained
    assert growth.exponent == pytest.approx(0)
    assert growth.r_squared == pytest.approx(0)


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 0, 2]), ([0, 1, 2], [1, 1, 1])])
def test_what_no_power_law_goes_through_is_refused(x, y):
    with pytest.raises(ValueError, match="three points or more, all positive"):
        fit_growth(x, y)
