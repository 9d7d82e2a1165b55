"""Test images that only the wide or only the deep networks solve, against chance.

An image counts for one side if every one of its networks classifies it correctly, and none of the other side's. Chance:
the same count for groups that mix networks of both sides, of equal size. If width and depth were the same to an image,
the two sides would be no more than another such split of the runs.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harness.analysis.predicted import PredictedModel


@dataclass(frozen=True)
class SolvedByOne:
    """The images that one model's networks all solve, and none of another model's.

    Attributes:
        positions: of the images within the test set, those on which the other networks agree most first.
        answers: the other networks' most frequent answer on each of these images.
        chance: the mean number of images for a mixed group; None without one: each model has a single seed.
        most_by_chance: the largest number for a mixed group.
        mixed_groups: the number of mixed groups.
    """

    model: str
    other: str
    seeds: tuple[int, int]
    positions: tuple[int, ...]
    answers: tuple[int, ...]
    chance: float | None
    most_by_chance: int | None
    mixed_groups: int


def solved_by_one(one: PredictedModel, other: PredictedModel) -> SolvedByOne:
    """Return the images that only the networks of one model solve."""
    is_correct = np.concatenate([one.is_correct, other.is_correct])
    codes = (1 << np.arange(len(is_correct))) @ is_correct  # the networks that solve an image, a bit for each
    count, size = Counter(codes.tolist()), len(one.seeds)
    own = (1 << size) - 1
    mixed = [
        count[sum(1 << row for row in group)]
        for group in combinations(range(len(is_correct)), size)
        if any(row < size for row in group) and any(row >= size for row in group)
    ]
    positions, answers = _by_agreement(np.flatnonzero(codes == own), other.predictions)
    return SolvedByOne(
        one.model,
        other.model,
        (size, len(other.seeds)),
        positions,
        answers,
        sum(mixed) / len(mixed) if mixed else None,
        max(mixed, default=None),
        len(mixed),
    )


def _by_agreement(
    places: NDArray[np.int_], predictions: NDArray[np.integer]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return images and the networks' most frequent answers, those with the most frequent answers first."""
    votes = [Counter(predictions[:, place].tolist()).most_common(1)[0] for place in places]
    order = sorted(range(len(places)), key=lambda k: -votes[k][1])
    return tuple(int(places[k]) for k in order), tuple(votes[k][0] for k in order)
