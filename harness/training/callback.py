"""What is called while cases train. Needs no torch."""

from collections.abc import Callable, Sequence

from harness.config.case import Case
from harness.results.result import EpochRecord
from harness.training.sweep_progress import SweepProgress


class TrainingCallback:
    """Who wants to know how far training is; this one does nothing about it."""

    def should_stop(self) -> bool:
        """Whether a person or the system has asked to stop."""
        return False

    def on_notice(self, case: Case | None, text: str) -> None:
        """Something a person should read, once: a file left out, a wait, a change since an interruption.

        Args:
            case: that it is about; None where it is about all.
        """

    def on_resume(self, case: Case, records: Sequence[EpochRecord]) -> None:
        """The case goes on after these epochs."""

    def on_warm_up(self, case: Case) -> None:
        """The case's training begins; where it compiles its network, that comes first."""

    def on_progress(self, case: Case, epoch: int, share: float) -> None:
        """Epoch ``epoch`` (from 1) has trained ``share`` (0 to 1) of its images."""

    def on_sweep(self, state: Callable[[], SweepProgress]) -> None:
        """Where cases are trained at the same time: how far all of them are, for who wants to know it now."""

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        """An epoch is finished and recorded."""
