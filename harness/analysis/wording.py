"""How figures and names are put into words wherever the answer is told."""

from harness.analysis.stats import Difference, Interval
from harness.text import p_value, several, signed

COST_WORDS = {"total_seconds": "training time", "params": "parameters", "macs": "MACs"}
_TITLES = {"cifar10": "CIFAR-10", "fashionmnist": "FashionMNIST", "gtsrb": "GTSRB"}


def title_of(dataset: str) -> str:
    """A dataset's name as people write it."""
    return _TITLES.get(dataset, dataset)


def short(model: str) -> str:
    """A model's name without what all have in common: ``20-4``."""
    return model.removeprefix("resnet")


def points(interval: Interval) -> str:
    """A mean difference: ``+0.28 pp [−0.10, +0.66], n = 3``; one seed has no interval."""
    return f"{signed(interval.mean, 2)} pp{ends(interval, 2, is_signed=True)}"


def ends(interval: Interval, digits: int, *, is_signed: bool = False) -> str:
    """An interval's ends and its n, to stand behind its mean; nothing where there is one value."""
    if interval.n == 1:
        return ""
    if interval.low is None or interval.high is None:
        return f", the same with all {several(interval.n, 'seed')}"
    low, high = (signed(end, digits) if is_signed else f"{end:.{digits}f}" for end in (interval.low, interval.high))
    return f" [{low}, {high}], n = {interval.n}"


def tested(difference: Difference, p_holm: float | None) -> str:
    """The corrected p-value and what gave it: ``p = .044, McNemar on 360 images``."""
    if p_holm is None:
        return "one seed, nothing to test"
    of = {"McNemar": "on {:,} images", "two proportions": "of {:,} images, unpaired"}
    return f"{p_value(p_holm)}, {difference.method} " + of.get(difference.method, "over {:,} seeds").format(
        difference.n
    )
