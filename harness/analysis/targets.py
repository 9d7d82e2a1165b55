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


@dataclass(frozen=True)
class Targets:
    """The way of every model of a study to one target accuracy.

    Attributes:
        percent: the target.
        of_model: the smallest model, whose mean final accuracy is the target; empty if the target was given.
        seeds: the number of its seeds; 0 if the target was given.
        ways: of each model with learning curves, in the study's order.
    """

    percent: float
    of_model: str
    seeds: int
    ways: tuple[Progress, ...]

    @property
    def first(self) -> Progress | None:
        """The model with the least median time, or epochs without times; None if half of each misses."""
        timed = [(middle, one) for one in self.ways if (middle := median(one.seconds)) is not None]
        counted = [(middle, one) for one in self.ways if (middle := median(one.epochs)) is not None]
        has_all_times = {one.model for _, one in counted} == {one.model for _, one in timed}
        return min(timed if has_all_times else counted, key=lambda one: one[0], default=(0.0, None))[1]


def median(values: Sequence[float]) -> float | None:
    """Return the median of values with misses as infinite; None if half or more miss, or without values."""
    middle = statistics.median(values) if values else math.inf
    return middle if math.isfinite(middle) else None


def time_to_target(evidence: Evidence, target: float | None) -> Targets | None:
    """Return each model's epochs and seconds to a target; None if no learning curve is stored.

    Args:
        target: an accuracy in percent; None for the smallest model's mean final accuracy.
    """
    curves = {model: _curves(evidence, model) for model in evidence.models}
    known = {model: of_model for model, of_model in curves.items() if of_model}
    if not known:
        return None
    smallest = min(known, key=lambda model: next(iter(evidence.of(model).values())).params)
    finals = [curve[-1] for curve in known[smallest].values()]
    percent = statistics.fmean(finals) if target is None else target
    ways = tuple(
        Progress(model, {seed: _arrival(evidence, model, seed, curve, percent) for seed, curve in of_model.items()})
        for model, of_model in known.items()
    )
    return Targets(percent, smallest if target is None else "", len(finals) if target is None else 0, ways)


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
