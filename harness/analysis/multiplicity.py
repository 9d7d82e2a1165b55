"""Corrections for several tests: Holm's method, and the joint multivariate t of correlated contrasts."""

import contextlib
import functools
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.multitest import multipletests

_POINTS = 10_000  # of the quadrature: errors of p-values are about 1e-4
_CORRELATION_DIGITS = 6
_SHRINKAGE = 1e-5  # of correlations towards 0: rounded, they could otherwise be impossible together


@contextlib.contextmanager
def _frozen_garbage_collector() -> Iterator[None]:
    """Keep existing objects from the garbage collector inside.

    statsmodels collects garbage at every correction, which takes 0.1 seconds and more once torch is imported.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return the p-values of one family, corrected by Holm's method, in their order; None stays None."""
    known = [p_value for p_value in p_values if p_value is not None]
    with _frozen_garbage_collector():
        corrected = iter(multipletests(known, method="holm")[1]) if known else iter(())
    return [None if p_value is None else float(next(corrected)) for p_value in p_values]


def family_size(p_values: Sequence[float | None]) -> int:
    """Return the number k of tests in a family, for simultaneous intervals at 1 − α/k; at least 1."""
    return max(1, sum(p_value is not None for p_value in p_values))


@dataclass(frozen=True)
class Joint:
    """A family of correlated t statistics, tested together at level α.

    Attributes:
        correlation: between the statistics, (K, K).
        df: their degrees of freedom.
    """

    correlation: NDArray[np.float64]
    df: float
    alpha: float

    @property
    def size(self) -> int:
        """The number of statistics."""
        return len(self.correlation)

    @cached_property
    def critical_value(self) -> float:
        """The size that the largest of the statistics exceeds with probability α."""
        return joint_critical_value(self.correlation, self.df, self.alpha)

    def p_value(self, t: float) -> float:
        """Return a statistic's corrected p-value."""
        return joint_p_value(t, self.correlation, self.df)


def joint_p_value(t: float, correlation: NDArray[np.float64], df: float) -> float:
    """Return the probability that any of several correlated t statistics is as large as this one.

    Args:
        correlation: between the statistics, (K, K).
    """
    alone = float(2 * stats.t.sf(abs(t), df))
    if len(correlation) == 1:
        return alone
    # The quadrature misses probabilities far below its error; the bounds are one test's and Bonferroni's.
    return float(np.clip(1 - _inside(abs(t), _key(correlation), df), alone, min(1.0, len(correlation) * alone)))


def joint_critical_value(correlation: NDArray[np.float64], df: float, alpha: float) -> float:
    """Return the size that the largest of several correlated t statistics exceeds with probability α."""
    if len(correlation) == 1:
        return float(stats.t.ppf(1 - alpha / 2, df))
    return _critical_value(_key(correlation), df, alpha)


def _key(correlation: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    """Return the correlations, rounded: studies of one design share their critical value."""
    shrunk = (1 - _SHRINKAGE) * correlation.round(_CORRELATION_DIGITS) + _SHRINKAGE * np.eye(len(correlation))
    return tuple(tuple(float(value) for value in row) for row in shrunk)


def _inside(size: float, correlation: tuple[tuple[float, ...], ...], df: float) -> float:
    """Return the probability that all statistics are within ±size; its points are always the same."""
    upper = np.full(len(correlation), size)
    return float(
        stats.multivariate_t.cdf(
            upper, shape=np.array(correlation), df=df, allow_singular=True, lower_limit=-upper, maxpts=_POINTS,
            random_state=0,
        )
    )  # fmt: skip


@functools.lru_cache(maxsize=1024)
def _critical_value(correlation: tuple[tuple[float, ...], ...], df: float, alpha: float) -> float:
    least, most = (float(stats.t.ppf(1 - share / 2, df)) for share in (alpha, alpha / len(correlation)))
    return float(
        brentq(lambda size: _inside(size, correlation, df) - (1 - alpha), 0.99 * least, 1.01 * most, xtol=1e-4)
    )
