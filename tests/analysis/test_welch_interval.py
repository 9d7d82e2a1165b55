import pytest

from harness.analysis.stats import welch_interval

# Hand-computed: means 5 and 2, variances 1 and 4, so the standard error is sqrt(5/3) and the degrees 25/17 · 2 = 2.941.
FIRST, SECOND = (4.0, 5.0, 6.0), (0.0, 2.0, 4.0)


def test_welchs_interval_of_a_hand_computed_example():
    interval = welch_interval(FIRST, SECOND, 0.9)
    assert (interval.mean, interval.n, interval.confidence) == (3.0, 3, 0.9)
    assert interval.low == pytest.approx(3 - 2.3722 * (5 / 3) ** 0.5, abs=2e-3)  # t(0.95, 2.941)
    assert interval.low + interval.high == pytest.approx(6.0)


def test_samples_without_spread_have_no_interval():
    interval = welch_interval((5.0, 5.0), (2.0, 2.0))
    assert (interval.mean, interval.low, interval.high) == (3.0, None, None)
    assert welch_interval((5.0, 5.0), (2.0, 2.1)).low is not None


def test_welchs_interval_needs_two_finite_values_of_each():
    for first, second in (((1.0,), (1.0, 2.0)), ((1.0, 2.0), (1.0, float("nan"))), ((), ())):
        with pytest.raises(ValueError, match="needs"):
            welch_interval(first, second)
