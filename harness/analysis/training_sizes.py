"""Wider minus deeper against the size of the training set: does more data favour depth?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.stats import Interval, paired_difference


@dataclass(frozen=True)
class SizeTrend:
    """The lead of a wider model over its deeper counterpart, and its change with the training set.

    Attributes:
        at_size: by number of training images, ascending, the comparison with the p-value that it has in its study.
        slope: percentage points per doubling of the training images, the mean over seeds of each seed's least-squares
            line; without ends for one seed.
        p_value: of the hypothesis that the lead does not change; None if untested.
    """

    wide: str
    deep: str
    at_size: Mapping[int, Comparison]
    slope: Interval
    p_value: float | None


def size_trend(studies: Mapping[int, Comparisons]) -> SizeTrend | None:
    """Return the trend of counterparts over the sizes at which both are trained out.

    They are the pair with the most such sizes, and of several the largest. The slope of each seed is one value: smaller
    shares of a seed are parts of its larger ones, so that its sizes are not independent, but its slope is independent
    of other seeds'.

    Args:
        studies: by number of training images; they differ in nothing else.

    Returns:
        None without a pair of two sizes or more, or without a seed that both models have at each of them.
    """
    found: dict[tuple[str, str], dict[int, Comparison]] = {}
    for size in sorted(studies):
        for one in studies[size].counterparts:
            found.setdefault((one.model, one.other), {})[size] = one
    pair = max(reversed(found), key=lambda pair: len(found[pair]), default=None)
    if pair is None or len(found[pair]) < 2:
        return None
    (wide, deep), sizes = pair, list(found[pair])
    leads = [_leads(studies[size], wide, deep) for size in sizes]
    seeds = sorted(set.intersection(*(set(one) for one in leads)))
    if not seeds:
        return None
    by_seed = np.array([[one[seed] for seed in seeds] for one in leads])
    slopes = np.polyfit(np.log2(sizes), by_seed, 1)[0].tolist()
    tested = paired_difference(slopes, [0.0] * len(seeds))
    return SizeTrend(wide, deep, found[pair], tested.interval, tested.p_value)


def _leads(comparisons: Comparisons, wide: str, deep: str) -> dict[int, float]:
    """Return wider minus deeper in percentage points by common seed."""
    ours, theirs = (comparisons.evidence.values(model, "accuracy_percent") for model in (wide, deep))
    return {seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()}
