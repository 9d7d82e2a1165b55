"""Whether an F1 is possible at all: the bound that accuracy sets it."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray


@functools.lru_cache(maxsize=4096)  # accuracies are counts of images: of thousands of runs few differ
def most_macro_f1_percent(accuracy_percent: float, classes: int) -> float:
    """The highest macro-F1 that an accuracy allows, in percent, on a test set with as many images of every class.

    It is reached where all errors are taken for one and the same class, and spread evenly over the others: in shares of
    a class's images, with e = 1 − accuracy and K classes, that class has F1 = 2 / (2 + eK) and each of the others
    2 (1 − v) / (2 − v) with v = eK / (K − 1). Where accuracy is low (of ten classes below some 75 %; of two always) it
    pays to miss x of that class too, all of them taken for a second class, of which y are missed: the best x and y
    are searched for, and the bound is right to .001.

    Raises:
        ValueError: fewer than two classes, or an accuracy that is none.
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
    """Shares of a class's images from the least to the most that is possible."""
    low, high = np.clip(least, 0, 1), np.clip(most, 0, 1)
    return low + (high - low) * steps


def _f1(missed: Any, taken_for_it: Any) -> Any:
    """A class's F1, of the share of its images that is missed, and the images of others taken for it."""
    return 2 * (1 - missed) / np.maximum(2 - missed + taken_for_it, 1e-300)
