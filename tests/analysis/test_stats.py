import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.stats import (
    difference_by_seed,
    fit_exponential,
    fit_power_law,
    is_significant,
    is_without_spread,
    mcnemar_difference,
    mean_interval,
    paired_difference,
    proportions_difference,
)

NUMBERS = st.integers(-10_000, 10_000).map(lambda hundredths: hundredths / 100)  # percentages


def test_t_interval_by_hand():
    interval = mean_interval([1.0, 2.0, 3.0])
    # mean 2, standard deviation 1, t(.975, 2) = 4.302653: 2 ± 4.302653 / √3
    assert (interval.mean, interval.n) == (2, 3)
    assert interval.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert interval.high == pytest.approx(2 + 2.484138, abs=1e-6)
    assert interval.width == pytest.approx(4.968275, abs=1e-6)


@given(st.lists(NUMBERS, min_size=2, max_size=20), st.lists(NUMBERS, min_size=20, max_size=20))
def test_interval_of_differences_is_scipys_paired_interval(one, other):
    other = other[: len(one)]
    differences = [a - b for a, b in zip(one, other, strict=True)]
    assume(max(differences) - min(differences) > 1e-3)  # scipy warns if all differences are equal
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    interval = mean_interval(differences)
    assert interval.low == pytest.approx(expected.low, rel=1e-6, abs=1e-6)
    assert interval.high == pytest.approx(expected.high, rel=1e-6, abs=1e-6)


def test_one_value_has_a_mean_and_no_interval():
    interval = mean_interval([5.0])
    assert (interval.mean, interval.low, interval.high, interval.width, interval.n) == (5.0, None, None, None, 1)
    assert interval.contains(-1e9)


def test_interval_contains_values_between_its_ends():
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.contains(2)
    assert interval.contains(interval.low)
    assert not interval.contains(interval.high + 1e-9)
    assert not interval.contains(-1)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_values_without_a_mean_are_refused(values):
    with pytest.raises(ValueError, match="a mean needs values"):
        mean_interval(values)


@given(
    st.floats(-3, 3),
    st.floats(0.01, 100),
    st.lists(st.integers(1, 10_000), min_size=3, max_size=8, unique=True),
)
def test_power_law_is_recovered(exponent, factor, x):
    growth = fit_power_law(x, [factor * value**exponent for value in x])
    assert growth.exponent == pytest.approx(exponent, abs=1e-6)
    assert growth.r_squared == pytest.approx(1, abs=1e-6) or abs(exponent) < 1e-3


def test_fit_is_least_squares_on_the_logarithms():
    growth = fit_power_law([1, 10, 100], [1, 10, 1])  # up and down: no slope, nothing explained
    assert growth.exponent == pytest.approx(0)
    assert growth.r_squared == pytest.approx(0)


UNSUITABLE = [([1, 2], [1, 2]), ([1, 2, 3], [1, 0, 2]), ([0, 1, 2], [1, 1, 1]), ([1, 2, 2], [1, 2, 3]), ([], [])]


@pytest.mark.parametrize("fit", [fit_power_law, fit_exponential])
@pytest.mark.parametrize(("x", "y"), UNSUITABLE)
def test_laws_refuse_unsuitable_points(x, y, fit):
    with pytest.raises(ValueError, match="three points or more, all positive"):
        fit(x, y)


def test_higher_confidence_widens_an_interval():
    wide, narrow = mean_interval([1.0, 2.0, 3.0], 0.99), mean_interval([1.0, 2.0, 3.0], 0.9)
    assert (wide.confidence, narrow.confidence) == (0.99, 0.9)
    assert wide.high == pytest.approx(2 + 9.924843 / math.sqrt(3), abs=1e-6)  # t(.995, 2)
    assert narrow.high == pytest.approx(2 + 2.919986 / math.sqrt(3), abs=1e-6)  # t(.95, 2)


@given(st.lists(NUMBERS, min_size=1, max_size=12))
def test_same_values_give_the_same_interval(values):
    assert mean_interval(values) == mean_interval(list(values))


@pytest.mark.parametrize("values", [[90.0] * 3, [0.0] * 2, [100.0] * 5, [0.1 + 0.2, 0.3]])
def test_values_without_spread_have_no_interval(values):
    interval = mean_interval(values)
    assert interval.mean == pytest.approx(values[0])
    assert (interval.low, interval.high, interval.width, interval.n) == (None, None, None, len(values))


@given(st.lists(NUMBERS, min_size=2, max_size=8), st.sampled_from([1e-12, 1e-9, 1e-6, 1e6, 1e12]))
def test_spread_does_not_depend_on_the_unit(values, unit):
    assert is_without_spread([value * unit for value in values]) == (len(set(values)) == 1)


def test_tiny_values_have_an_interval():
    interval = mean_interval([2.1e-9, 2.3e-9, 2.2e-9])
    assert interval.high - interval.mean == pytest.approx(4.302653 * 1e-10 / math.sqrt(3), rel=1e-5)


@given(st.lists(NUMBERS, min_size=1, max_size=8), st.integers(1, 10**6).map(lambda thousandths: thousandths / 1000))
def test_scaled_interval_is_that_of_the_scaled_values(values, factor):
    scaled, expected = mean_interval(values).scaled(factor), mean_interval([value * factor for value in values])
    assert (scaled.n, scaled.confidence) == (expected.n, expected.confidence)
    assert scaled.mean == pytest.approx(expected.mean)
    assert scaled.low == (None if expected.low is None else pytest.approx(expected.low))
    assert scaled.high == (None if expected.high is None else pytest.approx(expected.high))


def test_paired_t_test_by_hand():
    difference = paired_difference([91.0, 93.0, 92.0], [90.0, 91.0, 89.0])
    # differences 1, 2, 3: t = 2 / (1 / √3) = 3.4641 with 2 degrees of freedom, p = .0742
    assert (difference.estimate, difference.n, difference.method) == (2, 3, "paired t")
    assert difference.p_value == pytest.approx(0.0741799, abs=1e-6)
    assert (difference.interval.low, difference.interval.high) == pytest.approx((-0.484138, 4.484138), abs=1e-6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=12))
def test_paired_t_test_is_the_one_sample_test_of_differences(pairs):
    values, others = zip(*pairs, strict=True)
    differences = [a - b for a, b in pairs]
    assume(max(differences) - min(differences) > 1e-3)
    difference, expected = paired_difference(values, others), stats.ttest_1samp(differences, 0)
    assert difference.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert difference.interval.contains(0) == (difference.p_value >= 0.05)
    assert difference.method == "paired t"


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12))
def test_reversed_difference_has_the_other_sign_and_the_same_p_value(pairs):
    values, others = zip(*pairs, strict=True)
    one, other = paired_difference(values, others), paired_difference(others, values)
    assert one.estimate == pytest.approx(-other.estimate)
    assert one.p_value == (None if other.p_value is None else pytest.approx(other.p_value))
    assert one == paired_difference(values, others)


@pytest.mark.parametrize(("seeds", "p_value"), [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_equal_differences_use_the_sign_test(seeds, p_value):
    others = [90.0, 91.0, 92.5, 89.0, 90.5, 91.5][:seeds]
    difference = paired_difference([value + 0.28 for value in others], others)  # equal up to rounding errors
    assert (difference.method, difference.n) == ("sign test", seeds)
    assert difference.p_value == pytest.approx(p_value)
    assert difference.p_value == pytest.approx(stats.wilcoxon([0.28] * seeds, method="exact").pvalue)
    assert difference.interval.low is None
    assert difference.estimate == pytest.approx(0.28)


@pytest.mark.parametrize("others", [[90.0, 91.0], [0.0, 0.0], [100.0, 100.0, 100.0]])
def test_equally_accurate_models_do_not_differ(others):
    difference = paired_difference(others, others)
    assert (difference.estimate, difference.p_value, difference.method) == (0, 1, "sign test")


def test_rounding_errors_are_not_spread():
    others = [90.1, 90.2, 90.3]
    difference = paired_difference([value + 1e-13 * k for k, value in enumerate(others)], others)
    assert (difference.p_value, difference.method) == (1, "sign test")


def test_tiny_differences_between_tiny_values_are_tested():
    difference = paired_difference([2.1e-9, 2.3e-9, 2.2e-9], [1.1e-9, 1.2e-9, 1.3e-9])
    assert difference.method == "paired t"
    assert difference.p_value == pytest.approx(stats.ttest_1samp([1.0, 1.1, 0.9], 0).pvalue)


def test_one_seed_is_not_tested():
    difference = paired_difference([92.0], [90.0])
    assert (difference.estimate, difference.p_value, difference.n, difference.method) == (2, None, 1, "none")
    assert (difference.interval.low, difference.interval.high) == (None, None)


@pytest.mark.parametrize(("values", "others"), [([1.0], [1.0, 2.0]), ([], [])])
def test_unpaired_values_are_refused(values, others):
    with pytest.raises(ValueError, match="shorter|longer|a mean needs values"):
        paired_difference(values, others)


def right(*counts):
    """Return two models' outcomes by image; counts: both correct, only the first, only the second, none."""
    one = np.repeat([True, True, False, False], counts)
    return one, np.repeat([True, False, True, False], counts)


def test_mcnemar_by_hand():
    difference = mcnemar_difference(*right(80, 8, 2, 10))
    # they disagree on 10 images, 2 for the other model: 2 · (1 + 10 + 45) / 2^10
    assert difference.p_value == pytest.approx(2 * 56 / 1024)
    assert (difference.n, difference.method, difference.interval.n) == (100, "McNemar", 1)
    assert difference.estimate == pytest.approx(6)
    assert (difference.interval.low, difference.interval.high) == (None, None)


@given(st.tuples(*[st.integers(0, 300)] * 4).filter(any))
def test_mcnemar_is_the_binomial_test_of_disagreements(counts):
    _, ours, theirs, _ = counts
    difference = mcnemar_difference(*right(*counts))
    expected = stats.binomtest(ours, ours + theirs, 0.5).pvalue if ours + theirs else 1.0
    assert difference.p_value == pytest.approx(expected, abs=1e-12)
    assert difference.estimate == pytest.approx(100 * (ours - theirs) / sum(counts))
    assert mcnemar_difference(*right(*counts)) == difference


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60), st.randoms())
def test_mcnemar_does_not_depend_on_the_order_of_images(images, random):
    before = mcnemar_difference(*np.array(images).T)
    random.shuffle(images)
    assert mcnemar_difference(*np.array(images).T) == before


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([True], [True, False])])
def test_mcnemar_refuses_different_images(ours, theirs):
    with pytest.raises(ValueError, match="the same images"):
        mcnemar_difference(np.array(ours, bool), np.array(theirs, bool))


def test_two_proportions_by_hand():
    difference = proportions_difference(93.65, 93.54, 10_000)  # the paper's FashionMNIST 20-2 and 56
    pooled = (0.9365 + 0.9354) / 2
    z = 0.0011 / math.sqrt(pooled * (1 - pooled) * 2 / 10_000)
    assert difference.p_value == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert difference.p_value == pytest.approx(0.751, abs=5e-4)
    assert (difference.n, difference.method) == (10_000, "two proportions")
    assert difference.estimate == pytest.approx(0.11)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(400, 500))
def test_two_proportions_match_pearsons_chi_squared(ours, theirs, images):
    difference = proportions_difference(100 * ours / images, 100 * theirs / images, images)
    if ours == theirs:
        assert difference.p_value == 1
    else:
        table = [[ours, images - ours], [theirs, images - theirs]]
        assert difference.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, abs=1e-12)


@pytest.mark.parametrize("percent", [0.0, 100.0])
def test_two_proportions_both_0_or_both_100_percent_do_not_differ(percent):
    assert proportions_difference(percent, percent, 10_000).p_value == 1


def test_two_proportions_of_100_and_0_percent_differ():
    assert proportions_difference(100.0, 0.0, 10_000).p_value == 0


def test_exponential_law_by_hand():
    growth = fit_exponential([1, 2, 3, 4], [2, 4, 8, 16])  # it doubles with every step
    assert growth.exponent == pytest.approx(math.log(2))
    assert growth.r_squared == pytest.approx(1)


@given(
    st.lists(
        st.tuples(st.integers(1, 64), st.integers(1, 10_000)), min_size=3, max_size=8, unique_by=lambda one: one[0]
    )
)
def test_both_laws_match_scipys_regression_on_logarithms(points):
    x, y = zip(*points, strict=True)
    assume(len(set(y)) > 1)
    for growth, abscissa in ((fit_exponential(x, y), x), (fit_power_law(x, y), np.log(x))):
        expected = stats.linregress(abscissa, np.log(y))
        assert growth.exponent == pytest.approx(expected.slope, abs=1e-9)
        assert growth.r_squared == pytest.approx(expected.rvalue**2, abs=1e-9)


@given(st.floats(1e-6, 1e6), st.integers(3, 9))
def test_constant_values_are_explained_by_both_laws(value, points):
    for fit in (fit_power_law, fit_exponential):
        growth = fit(range(1, points + 1), [value] * points)
        assert growth.exponent == pytest.approx(0, abs=1e-9)
        assert growth.r_squared == 1


def test_difference_by_seed_uses_common_seeds():
    assert difference_by_seed({0: 90.0, 1: 91.0, 7: 50.0}, {1: 90.5, 0: 90.2, 9: 1.0}) == paired_difference(
        [90.0, 91.0], [90.2, 90.5]
    )
    assert difference_by_seed({0: 90.0}, {1: 90.0}) is None


def test_only_p_values_below_alpha_are_significant():
    assert [is_significant(p_value) for p_value in (0.0, 0.0499, 0.05, 1.0, None)] == [True, True, False, False, False]
