"""The time left of a session that trains one case after the other, from the epochs measured in it."""

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from harness.config.experiment import Experiment
from harness.results.result import Result
from harness.study.estimate import EpochKind
from harness.study.study import Study


class TimeLeft:
    """The expected time of the cases that a session has still to train.

    An epoch takes the median time of the measured ones of its kind. Without any, the time of the measured kinds is
    scaled by their operations, of the same dataset if it has any.
    """

    def __init__(self, study: Study, experiments: Sequence[Experiment]) -> None:
        """Take the session's experiments, in the order in which they are trained."""
        self._study, self._experiments = study, experiments
        self._numbers: dict[EpochKind, int] = {}  # a kind's hash is slow: each has a number
        kinds = (EpochKind.of(one, study.settings) for one in experiments)
        self._kinds = [self._numbers.setdefault(kind, len(self._numbers)) for kind in kinds]
        self._of_kind = dict(zip(self._kinds, experiments, strict=True))
        self._places = {one: place for place, one in enumerate(experiments)}
        self._operations: dict[int, float | None] = {}
        self._seconds: dict[int, list[float]] = {}

    def add(self, result: Result) -> None:
        """Add the epochs of a case that has ended."""
        if (kind := self._numbers.get(EpochKind.of_case(result.case))) is not None:
            self._seconds.setdefault(kind, []).extend(result.epoch_seconds)

    def after(self, experiment: Experiment) -> Callable[[float | None], float | None]:
        """Return a function of the case's epoch seconds that returns the seconds of the cases after it.

        It returns None if nothing is measured yet, if the engine trains on other machines, or if the experiment is not
        one of the session's: its test was expected to be skipped.
        """
        if (place := self._places.get(experiment)) is None:
            return lambda _: None
        measured = {kind: statistics.median(seconds) for kind, seconds in self._seconds.items() if seconds}
        later: Counter[int] = Counter()
        for kind, epochs in zip(self._kinds[place + 1 :], self._epochs_left[place + 1 :], strict=True):
            later[kind] += epochs

        def seconds_after(epoch_seconds: float | None) -> float | None:
            if epoch_seconds is not None:
                measured[self._kinds[place]] = epoch_seconds
            total = 0.0
            for kind, epochs in later.items():
                seconds = self._epoch_seconds(kind, measured) if epochs else 0.0
                if seconds is None:
                    return None
                total += seconds * epochs
            return total

        return seconds_after

    @cached_property
    def _epochs_left(self) -> list[int]:
        """Each experiment's epochs left at the session's start."""
        return [self._study.epochs_left(one) for one in self._experiments]

    def _epoch_seconds(self, kind: int, measured: Mapping[int, float]) -> float | None:
        """Return a kind's expected epoch time; None if nothing comparable is measured."""
        if kind in measured:
            return measured[kind]
        dataset = self._of_kind[kind].dataset
        same = [one for one in measured if self._of_kind[one].dataset == dataset] or list(measured)
        wanted, *known = (self._epoch_operations(one) for one in (kind, *same))
        operations = sum(one for one in known if one is not None)
        return wanted * sum(measured[one] for one in same) / operations if wanted and operations else None

    def _epoch_operations(self, kind: int) -> float | None:
        if kind not in self._operations:
            self._operations[kind] = self._study.engine.epoch_operations(self._of_kind[kind])
        return self._operations[kind]
