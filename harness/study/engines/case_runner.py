"""One case of a concurrent engine: read if it is finished, else tried until it has a result."""

import abc
import asyncio
from collections.abc import Callable

from harness.config.case import Case
from harness.errors import InputError, TrainingError
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.study.engines.case_state import CaseState
from harness.study.engines.engine import CaseRequest
from harness.training import checkpoint
from harness.training.reuse import find_finished, kept_result
from harness.training.train import remove_checkpoints

# A case fails after so many lost workers in a row without a further epoch: it may be what kills them.
MAX_LOST_WORKERS = 3

Notify = Callable[[Case | None, str], None]
"""Function that receives each line to show, and the case that it is about."""


class CaseRunner(abc.ABC):
    """A runner of one case: it retries the case until its result is in the results folder.

    Attributes:
        state: the case's state.
    """

    def __init__(self, request: CaseRequest, results: ResultsFolder, notify: Notify) -> None:
        """Set up the state of the case; `run` trains it."""
        self.state = CaseState(request)
        self._case, self._results, self._notify = request.case, results, notify

    async def run(self, on_end: Callable[[Case], None]) -> Result:
        """Return the case's result: read it if it is finished, else train it until there is one.

        Args:
            on_end: called once the training has ended, with or without success.

        Raises:
            InputError: the case cannot be trained.
            TrainingError: its training failed, or its workers are lost again and again.
        """
        try:
            finished = await asyncio.to_thread(_read_finished, self._case, self._results)
            result = None if self.state.request.rerun else self._kept(finished)
            while result is None:
                result = await self._try()
        except Exception as error:  # not a cancellation
            if not isinstance(error, InputError):
                on_end(self._case)
            raise
        finally:
            self.state.node_id = None
        on_end(self._case)
        return result

    @abc.abstractmethod
    async def _try(self) -> Result | None:
        """Train the case by one worker; return its result, or None to retry."""

    def _kept(self, finished: Result | None) -> Result | None:
        return kept_result(finished, accept_other_code=self.state.request.accept_other_code)

    def _count_lost_worker(self, name: str, place: str, why: str, error: Exception) -> None:
        """Count a lost worker; return if a retry makes sense.

        Args:
            name: of the node or device, for the summary.
            place: the same for a message.
            why: the reason, in one line.

        Raises:
            TrainingError: the case has lost too many workers without a further epoch.
        """
        self.state.add_lost_worker(name)
        if (count := self.state.lost_workers) >= MAX_LOST_WORKERS:
            raise TrainingError(
                f"{self._case.label}: its worker was lost {count} times in a row without a further epoch, "
                f"the last time on {place} ({why})\nif the system killed it for its memory, lower the batch size"
            ) from error


def _read_finished(case: Case, results: ResultsFolder) -> Result | None:
    """Return the case's result if it is finished; remove checkpoints that a late kill left beside it."""
    finished = find_finished(case, results)
    if finished is not None and checkpoint.is_any_left(results.folder(case)) and (release := results.lock(case)):
        remove_checkpoints(case, results)
        release()
    return finished
