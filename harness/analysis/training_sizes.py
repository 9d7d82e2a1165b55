"""Wider minus deeper against the size of the training set: does more data favour depth?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.related import of_equal_networks
from harness.analysis.stats import Interval, paired_difference


@dataclass(frozen=True)
class SizeTrend:
    """The lead of a wider model over its deeper counterpart, and its change with the training set.

    Attributes:
        at_share: by share of the training images, ascending, the comparison with the p-value that it has in its study.
        images: the number of training images by share.
        slope: percentage points per doubling of the training images, the mean over seeds of each seed's least-squares
            line; without ends for one seed.
        p_value: of the hypothesis that the lead does not change; None if untested.
        alpha: the level α of its test, the least of its studies'.
    """

    wide: str
    deep: str
    at_share: Mapping[float, Comparison]
    images: Mapping[float, int]
    slope: Interval
    p_value: float | None
    alpha: float


def size_trend(studies: Mapping[float, Comparisons]) -> SizeTrend | None:
    """Return the trend of counterparts over the sizes at which both are trained out.

    They are the pair with the most such sizes, and of several the largest. The slope of each seed is one value: smaller
    shares of a seed are parts of its larger ones, so that its sizes are not independent, but its slope is independent
    of other seeds'. A model has no part in a size at which it had another network than the latest.

    Args:
        studies: by share of the training images; they differ in nothing else.

    Returns:
        None without a pair of two sizes or more, or without a seed that both models have at each of them.
    """
    studies = _of_equal_networks(studies)
    found: dict[tuple[str, str], dict[float, Comparison]] = {}
    for share in sorted(studies):
        for one in studies[share].counterparts:
            found.setdefault((one.model, one.other), {})[share] = one
    pair = max(reversed(found), key=lambda pair: len(found[pair]), default=None)
    if pair is None:
        return None
    (wide, deep), images = pair, {share: studies[share].evidence.train_images for share in found[pair]}
    if len(set(images.values())) < 2:
        return None
    leads = [_leads(studies[share], wide, deep) for share in images]
    seeds = sorted(set.intersection(*(set(one) for one in leads)))
    if not seeds:
        return None
    by_seed = np.array([[one[seed] for seed in seeds] for one in leads])
    slopes = np.polyfit(np.log2(list(images.values())), by_seed, 1)[0].tolist()
    alpha = min(studies[share].alpha for share in images)
    tested = paired_difference(slopes, [0.0] * len(seeds), 1 - alpha)
    return SizeTrend(wide, deep, found[pair], images, tested.interval, tested.p_value, alpha)


def _of_equal_networks(studies: Mapping[float, Comparisons]) -> dict[float, Comparisons]:
    kept, _ = of_equal_networks({share: one.evidence for share, one in studies.items()})
    return {
        share: one if kept[share] is one.evidence else Comparisons(kept[share], one.alpha)
        for share, one in studies.items()
    }


def _leads(comparisons: Comparisons, wide: str, deep: str) -> dict[int, float]:
    """Return wider minus deeper in percentage points by common seed."""
    ours, theirs = (comparisons.evidence.values(model, "accuracy_percent") for model in (wide, deep))
    return {seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()}
