"""Epochs and seconds to a target accuracy, seed by seed; a seed that never reaches it is a miss."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.evidence import Evidence, Run
from harness.analysis.stats import Interval, mean_interval


@dataclass(frozen=True)
class Arrival:
    """The end of one run's way to the target.

    Attributes:
        epoch: the first epoch, from 1, whose evaluation accuracy is at or above the target; None for a miss.
        seconds: the time of all epochs up to then, infinite for a miss; None if an epoch was disturbed, or if times
            are unknown or not comparable.
    """

    epoch: int | None
    seconds: float | None

    @property
    def epochs(self) -> float:
        """The epochs taken, infinite for a miss."""
        return math.inf if self.epoch is None else self.epoch


@dataclass(frozen=True)
class Progress:
    """The way of a model's seeds to the target.

    Attributes:
        by_seed: the arrival of each seed with a learning curve.
    """

    model: str
    by_seed: Mapping[int, Arrival]

    @property
    def misses(self) -> int:
        """The number of seeds that never reach the target."""
        return sum(one.epoch is None for one in self.by_seed.values())

    @property
    def epochs(self) -> list[float]:
        """The epochs taken by each seed, ascending; infinite for a miss."""
        return sorted(one.epochs for one in self.by_seed.values())

    @property
    def seconds(self) -> list[float]:
        """The seconds taken by each seed with a known time, ascending; infinite for a miss."""
        return sorted(one.seconds for one in self.by_seed.values() if one.seconds is not None)

    @property
    def has_all_times(self) -> bool:
        """True if every seed has a known time, a miss among them."""
        return len(self.seconds) == len(self.by_seed)


@dataclass(frozen=True)
class Targets:
    """The way of every model of a study to one target accuracy.

    Attributes:
        percent: the target.
        of_model: the smallest model, whose least final accuracy is the target; empty if the target was given.
        seeds: the number of its seeds; 0 if the target was given.
        ways: of each model with learning curves, in the study's order.
        is_held_out: true if the accuracies of the learning curves are of held-out images, not of the test images.
    """

    percent: float
    of_model: str
    seeds: int
    ways: tuple[Progress, ...]
    is_held_out: bool = False

    @property
    def first(self) -> Progress | None:
        """The model with the least median time; None if half of each misses.

        It is that with the least median epochs if any seed of a ranked model has no time: slow seeds are disturbed more
        often than fast ones, so the times of the others say too little.
        """
        ranked = [one for one in self.ways if median(one.epochs) is not None]
        by_time = all(one.has_all_times for one in ranked)
        return min(ranked, key=lambda one: statistics.median(one.seconds if by_time else one.epochs), default=None)


def median(values: Sequence[float]) -> float | None:
    """Return the median of values with misses as infinite; None if half or more miss, or without values."""
    middle = statistics.median(values) if values else math.inf
    return middle if math.isfinite(middle) else None


def time_to_target(evidence: Evidence, target: float | None) -> Targets | None:
    """Return each model's epochs and seconds to a target; None if no learning curve is stored.

    Args:
        target: an accuracy in percent; None for the least final accuracy of the smallest model's seeds, which each of
            them reaches.
    """
    curves = {model: _curves(evidence, model) for model in evidence.models}
    known = {model: of_model for model, of_model in curves.items() if of_model}
    if not known:
        return None
    smallest = min(known, key=lambda model: next(iter(evidence.of(model).values())).params)
    finals = [curve[-1] for curve in known[smallest].values()]
    percent = min(finals) if target is None else target
    ways = tuple(
        Progress(model, {seed: _arrival(evidence, model, seed, curve, percent) for seed, curve in of_model.items()})
        for model, of_model in known.items()
    )
    is_held_out = any(one.case.val_split for one in evidence.used_results)
    return Targets(percent, smallest if target is None else "", len(finals) if target is None else 0, ways, is_held_out)


def time_ratio(one: Progress, other: Progress) -> Interval | None:
    """Return the mean logarithm of one model's seconds over the other's, by seed.

    None if a seed misses the target or has no time: a ratio of those that arrive would favour the model with misses.
    """
    if one.misses or other.misses:
        return None
    pairs = [(one.by_seed[seed].seconds, other.by_seed[seed].seconds) for seed in one.by_seed.keys() & other.by_seed]
    logarithms = [math.log(ours / theirs) for ours, theirs in pairs if ours and theirs]
    return mean_interval(logarithms) if logarithms and len(logarithms) == len(pairs) else None


def _curves(evidence: Evidence, model: str) -> dict[int, tuple[float, ...]]:
    """Return the evaluation accuracies of each of a model's seeds that has any."""
    found = {seed: run.read_curve() for seed, run in evidence.of(model).items()}
    return {seed: one.accuracy_percent for seed, one in found.items() if one is not None and one.accuracy_percent}


def _arrival(evidence: Evidence, model: str, seed: int, curve: Sequence[float], percent: float) -> Arrival:
    epoch = next((place for place, accuracy in enumerate(curve, 1) if accuracy >= percent), None)
    seconds = _seconds(evidence.of(model)[seed], epoch or len(curve)) if evidence.has_comparable_times else None
    return Arrival(epoch, seconds if seconds is None or epoch is not None else math.inf)


def _seconds(run: Run, epochs: int) -> float | None:
    """Return the seconds of a run's first epochs; None if one was disturbed, or if its times do not count."""
    if run.result is None or run.total_seconds is None:
        return None
    if any(epoch <= epochs for epoch in run.result.disturbed_epochs or ()):
        return None
    return sum(run.result.epoch_seconds[:epochs])
