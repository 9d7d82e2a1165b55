"""One run each: no verdict, but the chance that equal models differ by as much."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from harness.analysis.evidence import Evidence
from harness.analysis.fit import Weights
from harness.analysis.power import Spread

ASSUMED_SPREADS_POINTS = (0.2, 0.4)
"""The usual range of the spread between seeds, used if no study of several seeds gives it."""


def chances_of_difference(evidence: Evidence, weights: Weights, points: float, spread: Spread) -> tuple[float, ...]:
    """Return the probabilities that models without a difference differ by so much in one run each.

    The statistic is d / √(σ² Σw² + flips/N²), with w = ±1 for a pair, the spread σ between seeds, and the number of
    test images that the two models classify differently; flips count for a pair with predictions only.

    Returns:
        one probability for a measured spread; for an assumed one those of 0.2 and 0.4 pp, in ascending order.
    """
    spreads = (spread.points,) if spread.is_measured else ASSUMED_SPREADS_POINTS
    variance = _image_variance(evidence, list(weights))
    squares = sum(weight**2 for weight in weights.values())
    z_values = [abs(points) / np.sqrt(squares * one**2 + variance) for one in spreads]
    return tuple(sorted(float(2 * stats.norm.sf(z)) for z in z_values))


def _image_variance(evidence: Evidence, models: Sequence[str]) -> float:
    """Return the variance of a pair's difference over test images in squared pp; 0 if unknown."""
    if len(models) != 2:
        return 0.0
    first, second = (next(iter(evidence.of(model).values())).read_correct() for model in models)
    if first is None or second is None:
        return 0.0
    return float(1e4 * np.sum(first != second) / len(first) ** 2)
