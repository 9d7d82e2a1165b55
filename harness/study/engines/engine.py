"""The interface of every engine: what trains the cases of a study."""

import abc
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.training.callback import TrainingCallback


@dataclass(frozen=True)
class CaseRequest:
    """A case to train.

    Attributes:
        rerun: train it even if it is finished.
        accept_other_code: keep its result, or resume it, even if another version of the code has trained it.
    """

    experiment: Experiment
    case: Case
    rerun: bool
    accept_other_code: bool = False


class Engine(abc.ABC):
    """A place to train cases; their results are written to the results folder of this machine."""

    def __init__(self, results: ResultsFolder) -> None:
        self._results = results

    @abc.abstractmethod
    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        """Make sure that the experiments can be trained: that their data are available and fit their recipes.

        Args:
            notify: called with a line about each step that may take long.

        Raises:
            InputError: an experiment cannot be trained.
        """

    @abc.abstractmethod
    def case(self, experiment: Experiment) -> Case:
        """Return the experiment's case: bound to the images, the kind of device and the precision."""

    @abc.abstractmethod
    def weight_bytes(self, experiment: Experiment) -> int:
        """Return the size of the weights of the experiment's network, in bytes."""

    def cases_at_once(self) -> int:
        """Return the largest number of cases that are trained at the same time."""
        return 1

    @abc.abstractmethod
    def submit(self, requests: Sequence[CaseRequest], on_end: Callable[[Case], None]) -> None:
        """Announce the cases of a study; an engine that trains several at once starts them now.

        Args:
            on_end: called with each case whose training has ended, with or without success.
        """

    @abc.abstractmethod
    def train(
        self, request: CaseRequest, callback: TrainingCallback, on_end: Callable[[Case], None]
    ) -> tuple[Result, list[EpochRecord]]:
        """Return the case's result and its epoch records; wait until the case is trained.

        Raises:
            InputError: the case cannot be trained here.
            Exception: the training failed; its result is recorded as ``failed``.
        """

    def results_so_far(self) -> list[Result]:
        """Return the results of all submitted cases that are finished by now."""
        return []

    @abc.abstractmethod
    def describe(self) -> str:
        """Describe where the engine trains, human-readable: ``cpu at fp32``."""

    @abc.abstractmethod
    def environment(self) -> dict[str, Any]:
        """Describe where the engine trains, as plain values."""

    def summary(self) -> list[str]:
        """Return lines for the end of the run: what went wrong on the machines that trained."""
        return []

    def cancel(self, cases: Collection[Case]) -> None:  # noqa: B027 - the local engine has started none of them
        """Cancel submitted cases that are not finished; everything that was recorded is kept."""

    def close(self) -> None:  # noqa: B027 - an engine need not override it
        """Stop what is still being trained; everything that was recorded is kept."""

    def _with_epoch_records(self, request: CaseRequest, result: Result) -> tuple[Result, list[EpochRecord]]:
        return result, self._results.read_epochs(request.case) if result.epochs else []
