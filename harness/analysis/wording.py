"""Names, differences and tests in words, as answers, tables and figures print them."""

from harness.analysis.stats import Difference, Interval
from harness.text import count_noun, p_value, signed

COST_WORDS = {"total_seconds": "training time", "params": "parameters", "macs": "MACs"}
_TITLES = {"cifar10": "CIFAR-10", "fashionmnist": "FashionMNIST", "gtsrb": "GTSRB"}


def title_of(dataset: str) -> str:
    """Return a dataset's name in its usual spelling: ``CIFAR-10``."""
    return _TITLES.get(dataset, dataset)


def short_name(model: str) -> str:
    """Return a model's name without the common prefix: ``20-4``."""
    return model.removeprefix("resnet")


def difference_text(interval: Interval) -> str:
    """Return a mean difference as text: ``+0.28 pp [−0.10, +0.66], n = 3``; one seed has no interval."""
    return f"{signed(interval.mean, 2)} pp{interval_text(interval, 2, is_signed=True)}"


def interval_text(interval: Interval, digits: int, *, is_signed: bool = False) -> str:
    """Return an interval's ends and n, as text to append to the mean; empty for one value."""
    if interval.n == 1:
        return ""
    if interval.low is None or interval.high is None:
        return f", the same with all {count_noun(interval.n, 'seed')}"
    low, high = (signed(end, digits) if is_signed else f"{end:.{digits}f}" for end in (interval.low, interval.high))
    return f" [{low}, {high}], n = {interval.n}"


def significance_text(difference: Difference, p_holm: float | None) -> str:
    """Return the corrected p-value and its test as text: ``p = .044, McNemar on 360 images``."""
    if p_holm is None:
        return "one seed, nothing to test"
    of = {"McNemar": "on {:,} images", "two proportions": "of {:,} images, unpaired"}
    return f"{p_value(p_holm)}, {difference.method} " + of.get(difference.method, "over {:,} seeds").format(
        difference.n
    )
