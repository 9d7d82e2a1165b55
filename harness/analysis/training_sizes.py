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
    """Return the trend of the largest counterparts that are trained out in every study.

    The slope of each seed is one value: smaller shares of a seed are parts of its larger ones, so that its sizes are
    not independent, but its slope is independent of other seeds'.

    Args:
        studies: by number of training images; they differ in nothing else.

    Returns:
        None without such a pair, or without a seed that both models have at every size.
    """
    sizes = sorted(studies)
    of_size = [{(one.model, one.other): one for one in studies[size].counterparts} for size in sizes]
    pairs = [pair for pair in of_size[-1] if all(pair in found for found in of_size)]
    if len(sizes) < 2 or not pairs:
        return None
    wide, deep = pairs[-1]
    leads = [_leads(studies[size], wide, deep) for size in sizes]
    seeds = sorted(set.intersection(*(set(one) for one in leads)))
    if not seeds:
        return None
    by_seed = np.array([[one[seed] for seed in seeds] for one in leads])
    slopes = np.polyfit(np.log2(sizes), by_seed, 1)[0].tolist()
    tested = paired_difference(slopes, [0.0] * len(seeds))
    at_size = {size: found[wide, deep] for size, found in zip(sizes, of_size, strict=True)}
    return SizeTrend(wide, deep, at_size, tested.interval, tested.p_value)


def _leads(comparisons: Comparisons, wide: str, deep: str) -> dict[int, float]:
    """Return wider minus deeper in percentage points by common seed."""
    ours, theirs = (comparisons.evidence.values(model, "accuracy_percent") for model in (wide, deep))
    return {seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()}
