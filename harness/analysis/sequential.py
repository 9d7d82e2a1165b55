"""Sequential seeds: looks declared in advance, and the level of each that keeps the error of all at α.

Source: Pocock, Group sequential methods in the design and analysis of clinical trials, Biometrika 64 (1977).
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.analysis.multiplicity import joint_critical_value
from harness.analysis.stats import SIGNIFICANCE

MAX_LOOKS = 3
_LEAST_SEEDS = 3  # with two, only differences of about ten times the spread between seeds are significant
_NORMAL = 1e6  # degrees of freedom with which t is normal


@dataclass(frozen=True)
class SequentialPlan:
    """The seeds of a study in their order, and its looks.

    Attributes:
        looks: the numbers of seeds after which the study is looked at; the last is all of them.
    """

    seeds: tuple[int, ...]
    looks: tuple[int, ...]

    @property
    def level(self) -> float:
        """The level α of each look."""
        return pocock_level(len(self.looks))


def plan_looks(seeds: tuple[int, ...]) -> SequentialPlan:
    """Return the plan for seeds in their order."""
    return SequentialPlan(seeds, look_sizes(len(seeds)))


def look_sizes(seeds: int) -> tuple[int, ...]:
    """Return the numbers of seeds at the looks: at most three looks, evenly from 3 to all seeds."""
    least = min(_LEAST_SEEDS, seeds)
    return tuple(sorted({round(size) for size in np.linspace(least, seeds, MAX_LOOKS)}))


@functools.cache
def pocock_level(looks: int, alpha: float = SIGNIFICANCE) -> float:
    """Return the level of each of several evenly spaced looks that together err with probability α.

    For example 0.0221 for three looks. The first look of `look_sizes` comes later than even spacing has it, so that
    the looks are more alike, and the level errs on the safe side.
    """
    if looks == 1:
        return alpha
    order = np.arange(1, looks + 1)
    correlation = np.sqrt(np.minimum.outer(order, order) / np.maximum.outer(order, order))
    return float(2 * stats.norm.sf(joint_critical_value(correlation, _NORMAL, alpha)))
