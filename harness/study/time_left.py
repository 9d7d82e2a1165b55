"""The time left of a session that trains one case after the other, from the epochs measured in it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from harness.config.experiment import Experiment
from harness.config.recipe import Recipe
from harness.results.result import Result
from harness.study.study import Study

_Kind = tuple[str, str, Recipe, float]
"""Dataset, model, recipe without its schedule and share of the images: epochs of one kind take equally long."""


class TimeLeft:
    """The expected time of the cases that a session has still to train.

    An epoch takes as long as the measured ones of its kind. Without any, the time of the measured kinds is scaled by
    their operations, of the same dataset if it has any.
    """

    def __init__(self, study: Study, experiments: Sequence[Experiment]) -> None:
        """Take the session's experiments, in the order in which they are trained."""
        self._study, self._experiments = study, experiments
        self._by_kind = {_kind(one): one for one in experiments}
        self._operations: dict[_Kind, float | None] = {}
        self._seconds: dict[_Kind, list[float]] = {}

    def add(self, result: Result) -> None:
        """Add the epochs of a case that has ended."""
        case = result.case
        kind = (result.dataset, result.model, case.recipe.without_schedule, case.train_fraction)
        if kind in self._by_kind:
            self._seconds.setdefault(kind, []).extend(result.epoch_seconds)

    def after(self, experiment: Experiment) -> Callable[[float | None], float | None]:
        """Return a function of the case's mean epoch seconds, which returns the seconds of the cases after it.

        It returns None if nothing is measured yet, if the engine trains on other machines, or if the experiment is not
        one of the session's: its test was expected to be skipped.
        """
        if experiment not in self._experiments:
            return lambda _: None
        measured = {kind: sum(seconds) / len(seconds) for kind, seconds in self._seconds.items() if seconds}
        later: Counter[_Kind] = Counter()
        for one, epochs in self._epochs_left[self._experiments.index(experiment) + 1 :]:
            later[_kind(one)] += epochs

        def seconds_after(epoch_seconds: float | None) -> float | None:
            if epoch_seconds is not None:
                measured[_kind(experiment)] = epoch_seconds
            total = 0.0
            for kind, epochs in later.items():
                seconds = self._epoch_seconds(kind, measured) if epochs else 0.0
                if seconds is None:
                    return None
                total += seconds * epochs
            return total

        return seconds_after

    @cached_property
    def _epochs_left(self) -> list[tuple[Experiment, int]]:
        """Each experiment with its epochs left at the session's start."""
        return [(one, self._study.epochs_left(one)) for one in self._experiments]

    def _epoch_seconds(self, kind: _Kind, measured: Mapping[_Kind, float]) -> float | None:
        """Return a kind's expected epoch time; None if nothing comparable is measured."""
        if kind in measured:
            return measured[kind]
        same = [one for one in measured if one[0] == kind[0]] or list(measured)
        wanted, *known = (self._epoch_operations(one) for one in (kind, *same))
        operations = sum(one for one in known if one is not None)
        return wanted * sum(measured[one] for one in same) / operations if wanted and operations else None

    def _epoch_operations(self, kind: _Kind) -> float | None:
        if kind not in self._operations:
            self._operations[kind] = self._study.engine.epoch_operations(self._by_kind[kind])
        return self._operations[kind]


def _kind(experiment: Experiment) -> _Kind:
    recipe, share = experiment.resolved_recipe.without_schedule, experiment.variant.train_fraction
    return experiment.dataset, experiment.model, recipe, share
