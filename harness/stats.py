"""Statistics of repeated trainings. The seed is the replicate, never the epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval, in the unit of what was averaged.

    Attributes:
        n: values averaged.
        low, high: the interval's ends; None where one value leaves none.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    confidence: float

    @property
    def width(self) -> float | None:
        """From end to end."""
        return None if self.low is None or self.high is None else self.high - self.low

    def contains(self, value: float) -> bool:
        """Whether a value lies in the interval; without one, nothing is ruled out."""
        return self.low is None or self.high is None or self.low <= value <= self.high


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean with Student's t interval, for values that may be taken as normal.

    Of the differences between pairs it is the paired t interval.

    Raises:
        ValueError: there are no values, or one is no number.
    """
    if not values or not np.isfinite(values).all():
        raise ValueError("a mean needs values, all of them numbers")
    mean, n = float(np.mean(values)), len(values)
    if n == 1:
        return Interval(mean, None, None, n, confidence)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n, confidence)
