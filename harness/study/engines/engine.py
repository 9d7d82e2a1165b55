"""What every engine does with a study's cases."""

import abc
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.results.result import Result
from harness.training.callback import TrainingCallback


@dataclass(frozen=True)
class CaseRequest:
    """A case to be trained; with ``rerun`` even if it is finished."""

    experiment: Experiment
    case: Case
    rerun: bool


class Engine(abc.ABC):
    """Trains cases somewhere; what they come to lies in the results folder of this machine."""

    @abc.abstractmethod
    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        """Make sure that the experiments can be trained: that the data are there, and fit.

        Args:
            notify: is given a line about what takes a while.

        Raises:
            InputError: something is not as it has to be.
        """

    @abc.abstractmethod
    def case(self, experiment: Experiment) -> Case:
        """The case that an experiment is here: bound to the images, the kind of device and the precision."""

    @abc.abstractmethod
    def weight_bytes(self, experiment: Experiment) -> int:
        """What the weights of the experiment's network take."""

    def cases_at_once(self) -> int:
        """How many cases are trained at the same time, at most."""
        return 1

    def submit(self, requests: Sequence[CaseRequest], on_over: Callable[[Case], None]) -> None:  # noqa: B027 - may be nothing
        """Have the cases trained, where the engine does not wait until each is asked for.

        Args:
            on_over: is told of each case that has come to its end, whatever that is.
        """

    @abc.abstractmethod
    def result(self, request: CaseRequest, callback: TrainingCallback, on_over: Callable[[Case], None]) -> Result:
        """The case's result, once there is one.

        Raises:
            InputError: it cannot be trained here.
            Exception: whatever its training failed with; recorded as ``failed``.
        """

    def follow(self, request: CaseRequest) -> Any:
        """What the first of several processes that train together comes to with the case, done with it."""
        raise NotImplementedError

    def results_so_far(self) -> list[Result]:
        """The results of all cases submitted that are finished by now, asked for or not."""
        return []

    @abc.abstractmethod
    def describe(self) -> str:
        """Where it trains, in a person's words: ``cpu at fp32``."""

    @abc.abstractmethod
    def environment(self) -> dict[str, Any]:
        """Where it trains, as plain values."""

    def summary(self) -> list[str]:
        """What a person should know of where the cases were trained, in lines."""
        return []

    def close(self) -> None:  # noqa: B027 - there may be nothing to do
        """Stop what is still being trained. Nothing that was recorded is lost."""
