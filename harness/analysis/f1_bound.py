"""The upper bound that an accuracy sets for macro-F1: a published F1 above it is impossible."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis.evidence import Run

FIGURE_TOLERANCE = 0.01  # percent: accuracy and F1 are each published rounded to half of that


def f1_bound(run: Run, classes: int) -> float:
    """Return the highest macro-F1 in percent that a run's accuracy allows on a balanced test set."""
    return max_macro_f1_percent(run.accuracy_beside_f1_percent, classes)


@functools.lru_cache(maxsize=4096)  # accuracies are counts of images: thousands of runs share a few values
def max_macro_f1_percent(accuracy_percent: float, classes: int) -> float:
    """Return the highest macro-F1 in percent that an accuracy allows on a balanced test set.

    The bound is reached when all errors are predicted as one class, and are spread evenly over the other classes. In
    shares of a class's images, with e = 1 − accuracy and K classes, that one class has F1 = 2 / (2 + eK), and each of
    the others has 2 (1 − v) / (2 − v) with v = eK / (K − 1). At low accuracy (below about 75 % for ten classes; at any
    accuracy for two) the F1 is higher if a share x of that class is missed too and predicted as a second class, while a
    share y of the second class is missed. The function searches for the best x and y; the bound is exact to .001.

    Raises:
        ValueError: there are fewer than two classes, or the accuracy is not between 0 and 100.
    """
    if classes < 2 or not 0 <= accuracy_percent <= 100:
        raise ValueError("a bound needs two classes or more and an accuracy from 0 to 100")
    errors, others = classes * (1 - accuracy_percent / 100), classes - 2
    steps = np.linspace(0, 1, 301)
    x = _between(errors - others - 1, errors, steps)[:, None]
    y = _between(errors - x - others, errors - x, steps)
    missed = np.clip((errors - x - y) / max(1, others), 0, 1)
    total = _f1(x, errors - x) + _f1(y, x) + others * _f1(missed, 0.0)
    plain = min(1.0, errors / (others + 1))
    is_plain = errors <= others + 1
    dumped = float(_f1(0.0, errors) + (others + 1) * _f1(plain, 0.0)) if is_plain else 0.0
    return 100 * max(dumped, float(total.max())) / classes


def _between(least: Any, most: Any, steps: NDArray[np.float64]) -> Any:
    """Return shares of a class's images from the least to the most possible."""
    low, high = np.clip(least, 0, 1), np.clip(most, 0, 1)
    return low + (high - low) * steps


def _f1(missed: Any, predicted_as_it: Any) -> Any:
    """Return a class's F1 from its share of missed images and the share of others predicted as it."""
    return 2 * (1 - missed) / np.maximum(2 - missed + predicted_as_it, 1e-300)
