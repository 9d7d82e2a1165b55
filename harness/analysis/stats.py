"""Intervals over seeds, tests of differences over seeds or images, laws of growth.

The replicate is the seed, never the epoch. No function draws random numbers: the same values give the same interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportions_ztest

SIGNIFICANCE = 0.05
CONFIDENCE = 0.95
Method = Literal["paired t", "sign test", "McNemar", "two proportions", "none"]


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval, in the unit of the values.

    Attributes:
        low, high: the interval's ends; None for one value, or for several values without spread.
        n: the number of values.
        confidence: as a share, 0.95 for the 95 % interval.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    confidence: float

    @property
    def width(self) -> float | None:
        """The distance between the ends; None without an interval."""
        return None if self.low is None or self.high is None else self.high - self.low

    def contains(self, value: float) -> bool:
        """Return whether a value is in the interval, or if the interval has no ends."""
        return self.low is None or self.high is None or self.low <= value <= self.high

    def scaled(self, factor: float) -> "Interval":
        """Return the interval of the values multiplied by a factor above 0."""
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return Interval(self.mean * factor, low, high, self.n, self.confidence)


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean with its 95 % confidence interval (Student's t), for values assumed normal.

    For differences between pairs this is the paired t interval. Equal values give no interval: accuracies are counts of
    images, and a few counts can be equal by chance.

    Raises:
        ValueError: there are no values, or one is not a finite number.
    """
    _require_numbers(values)
    return _t_interval(values, confidence, is_alike=is_without_spread(values))


def _require_numbers(values: Sequence[float]) -> None:
    if not values or not np.isfinite(values).all():
        raise ValueError("a mean needs values, all of them numbers")


def _t_interval(values: Sequence[float], confidence: float, *, is_alike: bool) -> Interval:
    mean, n = float(np.mean(values)), len(values)
    if is_alike:
        return Interval(mean, None, None, n, confidence)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n, confidence)


def is_without_spread(values: Sequence[float], magnitude: float | None = None) -> bool:
    """Return whether values are equal except for rounding errors.

    The tolerance is relative: percentage points per multiply-accumulate are of the order of 1e-9.

    Args:
        magnitude: the size of the numbers that the values were computed from; by default that of the values.
    """
    return bool(np.ptp(values) <= 1e-9 * (float(np.max(np.abs(values))) if magnitude is None else magnitude))


@dataclass(frozen=True)
class Difference:
    """The difference between two models' values of a measure, tested.

    Attributes:
        interval: the mean difference over seeds, in the measure's unit; without ends for one seed.
        p_value: under the hypothesis of no difference; None if nothing can be tested.
        n: the number of seeds or of test images compared.
        method: ``paired t`` over seeds; ``sign test`` if the differences have no spread; ``McNemar`` over one seed's
            test images; ``two proportions``, unpaired, if only accuracies are known; ``none``.
    """

    interval: Interval
    p_value: float | None
    n: int
    method: Method

    @property
    def estimate(self) -> float:
        return self.interval.mean


def paired_difference(values: Sequence[float], others: Sequence[float], confidence: float = CONFIDENCE) -> Difference:
    """Compare two models' values of the same seeds, in the same order, by the paired t test.

    If all differences are equal, t would be infinite, and the sign test takes its place. One seed is not tested.

    Raises:
        ValueError: there are no values, or not as many of both models.
    """
    differences = [value - other for value, other in zip(values, others, strict=True)]
    _require_numbers(differences)
    magnitude, n = max(map(abs, [*values, *others])), len(differences)
    is_alike = is_without_spread(differences, magnitude)
    interval = _t_interval(differences, confidence, is_alike=is_alike)
    if n == 1:
        return Difference(interval, None, 1, "none")
    if is_alike:
        is_even = abs(interval.mean) <= 1e-9 * magnitude
        p_value = 1.0 if is_even else float(stats.binomtest(n, n, 0.5).pvalue)
        return Difference(interval, p_value, n, "sign test")
    return Difference(interval, float(stats.ttest_rel(values, others).pvalue), n, "paired t")


def welch_interval(values: Sequence[float], others: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the difference of two independent means with Welch's t interval; no ends without spread.

    Raises:
        ValueError: a sample has fewer than two values, or one is not a finite number.
    """
    for sample in (values, others):
        _require_numbers(sample)
    if min(len(values), len(others)) < 2:
        raise ValueError("Welch's interval needs two values or more of each sample")
    mean, n = float(np.mean(values) - np.mean(others)), min(len(values), len(others))
    magnitude = max(map(abs, [*values, *others]))
    if is_without_spread(values, magnitude) and is_without_spread(others, magnitude):
        return Interval(mean, None, None, n, confidence)
    of_means = [float(np.var(sample, ddof=1)) / len(sample) for sample in (values, others)]
    degrees = sum(of_means) ** 2 / sum(
        one**2 / (len(sample) - 1) for one, sample in zip(of_means, (values, others), strict=True)
    )
    half = float(stats.t.ppf((1 + confidence) / 2, degrees)) * sum(of_means) ** 0.5
    return Interval(mean, mean - half, mean + half, n, confidence)


def difference_by_seed(values: Mapping[int, float], others: Mapping[int, float]) -> Difference | None:
    """Return `paired_difference` over the common seeds; None if there are none."""
    seeds = sorted(values.keys() & others.keys())
    return paired_difference([values[seed] for seed in seeds], [others[seed] for seed in seeds]) if seeds else None


def mcnemar_difference(is_right: NDArray[np.bool_], is_other_right: NDArray[np.bool_]) -> Difference:
    """Compare two models' accuracies on the same test images by McNemar's exact test.

    The difference is in percentage points.

    Args:
        is_right, is_other_right: for each image, true if the model classified it correctly, (N,), in the same order.

    Raises:
        ValueError: there are no images, or not as many of both models.
    """
    if len(is_right) != len(is_other_right) or not len(is_right):
        raise ValueError("McNemar's test needs two models' outcomes on the same images")
    both = [[int(np.sum((is_right == one) & (is_other_right == other))) for other in (1, 0)] for one in (1, 0)]
    points = 100 * float(np.mean(is_right) - np.mean(is_other_right))
    p_value = float(mcnemar(both, exact=True).pvalue)
    return Difference(mean_interval([points]), p_value, len(is_right), "McNemar")


def proportions_difference(accuracy_percent: float, other_percent: float, images: int) -> Difference:
    """Compare two accuracies, in percentage points, by the unpaired z test of two proportions.

    It serves published accuracies: their predictions are unknown. Models tested on the same images agree on most of
    them, so this test has less power than McNemar's.
    """
    right = [round(images * percent / 100) for percent in (accuracy_percent, other_percent)]
    p_value = 1.0 if right[0] == right[1] else float(proportions_ztest(right, [images, images])[1])
    return Difference(mean_interval([accuracy_percent - other_percent]), p_value, images, "two proportions")


def is_significant(p_value: float | None) -> bool:
    """Return whether a (corrected) p-value is below α = 0.05; None is not significant."""
    return p_value is not None and p_value < SIGNIFICANCE


@dataclass(frozen=True)
class Growth:
    """A law y = a · x^exponent or y = a · e^(exponent · x), fitted by least squares on log y.

    Attributes:
        r_squared: the share of the variance of the logarithms that the law explains.
    """

    exponent: float
    r_squared: float


def fit_power_law(x: Sequence[float], y: Sequence[float]) -> Growth:
    """Fit a power law to points of positive x and y, with at least three different x.

    Raises:
        ValueError: there are fewer points, or a value is not positive.
    """
    _require_points(x, y)
    return _fit(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)))


def fit_exponential(x: Sequence[float], y: Sequence[float]) -> Growth:
    """Fit an exponential law to points of positive x and y, with at least three different x.

    Raises:
        ValueError: there are fewer points, or a value is not positive.
    """
    _require_points(x, y)
    return _fit(np.asarray(x, dtype=float), np.log(np.asarray(y, dtype=float)))


def _require_points(x: Sequence[float], y: Sequence[float]) -> None:
    if len(set(x)) < 3 or min(*x, *y) <= 0:
        raise ValueError("a law of growth needs three points or more, all positive")


def _fit(x: NDArray[np.float64], log_y: NDArray[np.float64]) -> Growth:
    exponent, intercept = np.polyfit(x, log_y, 1)
    residual = float(((log_y - (exponent * x + intercept)) ** 2).sum())
    total = float(((log_y - log_y.mean()) ** 2).sum())
    return Growth(float(exponent), 1.0 if is_without_spread(log_y.tolist(), 1.0) else 1 - residual / total)
