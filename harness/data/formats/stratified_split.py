"""A test set out of images that are published without one."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

TEST_FRACTION = 0.2
_SEED = 0  # equal for all models and seeds, so that they remain comparable


def split_by_class(labels: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the positions of training and test images: hold out a fifth of each class, at random.

    A class with a single image stays in training.
    """
    by_class: dict[int, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        by_class[label].append(position)
    generator = np.random.default_rng(_SEED)
    held_out: set[int] = set()
    for label in sorted(by_class):
        positions = by_class[label]
        wanted = min(max(1, round(TEST_FRACTION * len(positions))), len(positions) - 1)
        held_out.update(positions[chosen] for chosen in generator.permutation(len(positions))[:wanted])
    return [one for one in range(len(labels)) if one not in held_out], sorted(held_out)
