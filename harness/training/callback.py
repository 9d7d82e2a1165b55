"""The callback of training, and one whose output may be lost. Needs no torch."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence

from harness.causes import cause_of
from harness.config.case import Case
from harness.lost_output import is_output_error
from harness.results.result import EpochRecord, Result
from harness.training.sweep_progress import SweepProgress

_LOG = logging.getLogger(__name__)


class TrainingCallback:
    """Methods called while cases train. This class ignores all calls; override what is needed."""

    def should_stop(self) -> bool:
        """Return whether the user or the system has asked to stop."""
        return False

    def is_stop(self, error: Exception) -> bool:
        """Return whether an error in training asks the session to stop, and is no failure of the case."""
        return False

    def on_notice(self, case: Case | None, text: str) -> None:
        """Receive a message for the user: a file left out, a wait, a change since an interruption.

        Args:
            case: the case concerned; None if it concerns all cases.
        """

    def on_resume(self, case: Case, records: Sequence[EpochRecord]) -> None:
        """Receive the epochs trained so far of a case that is resumed after them."""

    def on_reuse(self, case: Case, result: Result) -> None:
        """Receive the stored result of a case that is not trained, since it is finished."""

    def on_warm_up(self, case: Case) -> None:
        """Note that the case's training begins, with compiling its network if it is compiled."""

    def on_progress(self, case: Case, epoch: int, share: float) -> None:
        """Receive the share (0 to 1) of its images that epoch ``epoch`` (from 1) has trained."""

    def on_sweep(self, state: Callable[[], SweepProgress]) -> None:
        """Receive a function that returns the progress of all cases, if they are trained at the same time."""

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        """Receive the record of a finished epoch."""


class TolerantCallback(TrainingCallback):
    """A callback that passes all calls to another; the first error of the other's output is logged."""

    def __init__(self, callback: TrainingCallback) -> None:
        self._callback = callback
        self._has_lost = False

    @contextlib.contextmanager
    def _tolerating(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            if not is_output_error(error):
                raise
            if not self._has_lost:
                self._has_lost = True
                name = type(self._callback).__name__
                _LOG.warning("%s lost its output, and training continues: %s", name, cause_of(error))

    def should_stop(self) -> bool:
        return self._callback.should_stop()

    def is_stop(self, error: Exception) -> bool:
        return self._callback.is_stop(error)

    def on_notice(self, case: Case | None, text: str) -> None:
        with self._tolerating():
            self._callback.on_notice(case, text)

    def on_resume(self, case: Case, records: Sequence[EpochRecord]) -> None:
        with self._tolerating():
            self._callback.on_resume(case, records)

    def on_reuse(self, case: Case, result: Result) -> None:
        with self._tolerating():
            self._callback.on_reuse(case, result)

    def on_warm_up(self, case: Case) -> None:
        with self._tolerating():
            self._callback.on_warm_up(case)

    def on_progress(self, case: Case, epoch: int, share: float) -> None:
        with self._tolerating():
            self._callback.on_progress(case, epoch, share)

    def on_sweep(self, state: Callable[[], SweepProgress]) -> None:
        with self._tolerating():
            self._callback.on_sweep(state)

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        with self._tolerating():
            self._callback.on_epoch(case, record)
