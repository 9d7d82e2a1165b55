"""The progress of a case with its time left: one line redrawn on a terminal, some lines in a log."""

import time
from collections.abc import Callable, Sequence

from harness.config.case import Case
from harness.results.result import EpochRecord
from harness.text import count_noun, duration
from harness.training.callback import TrainingCallback
from harness.training.sweep_progress import SweepProgress

_REDRAW_SECONDS = 0.2
_LINE_SECONDS = 30.0
_MAX_SHOWN = 3  # cases of a sweep


class Progress(TrainingCallback):
    """A callback that shows a case's progress.

    Args:
        write: Writes text as it is.
        redraws: True if the line is redrawn (a terminal), false if each line stays (a log).
        width: The terminal's columns.
        place: The case's position among all cases, e.g. ``3/22``.
        line: The text of the line that is redrawn; `close` puts it back.
        stop_requested: Returns true once training has been asked to stop.
        notices: Returns lines for the user that are new, of trackers for example.

    Attributes:
        write: See above.
        has_started: True once this process trains the case: it was not finished, and no other process holds it.
        trained: The epochs that this process has trained.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        redraws: bool,
        width: int,
        place: str = "",
        line: str = "",
        stop_requested: Callable[[], bool] = lambda: False,
        notices: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self.write, self._redraws, self._width, self._place = write, redraws, width, place
        self._line, self._stop_requested, self._notices = line, stop_requested, notices
        self._started = time.monotonic()
        self._epoch_started = self._started
        self._shown = self._started if not redraws else 0.0
        self._is_drawn = False
        self._seconds: list[float] = []
        self._last: EpochRecord | None = None
        self.has_started = False
        self.trained: list[EpochRecord] = []

    def should_stop(self) -> bool:
        return self._stop_requested()

    def on_notice(self, case: Case | None, text: str) -> None:
        self.close()
        about = f"{self._place} {case.label}".strip() + ": " if case is not None else ""
        self.write(f"\n{about}{text}\n")

    def on_resume(self, case: Case, records: Sequence[EpochRecord]) -> None:
        self._seconds = [record.epoch_seconds for record in records]
        self._last = records[-1] if records else None
        self.on_notice(case, f"resuming after epoch {len(records)} of {case.recipe.epochs}")

    def on_warm_up(self, case: Case) -> None:
        self.has_started = True
        if case.compiled:
            self._show(f"{case.label} · compiling the network, once")

    def on_progress(self, case: Case, epoch: int, share: float) -> None:
        if self._is_due():
            elapsed = time.monotonic() - self._epoch_started
            self._show(progress_line(case, epoch, share, self._seconds, elapsed, self._last))

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        self.trained.append(record)
        self._seconds.append(record.epoch_seconds)
        self._last = record
        self._epoch_started = time.monotonic()
        self._write_notices()
        if self._is_due():
            self._show(progress_line(case, record.epoch, 1.0, self._seconds, 0.0, record))

    def on_sweep(self, state: Callable[[], SweepProgress]) -> None:
        self._write_notices()
        if self._is_due():
            self._show(sweep_line(state()), place="")

    def close(self) -> None:
        """Remove the redrawn line, and put back the text that it replaced."""
        if self._is_drawn:
            self.write("\r" + " " * (self._width - 1) + "\r" + self._line)
            self._is_drawn = False

    @property
    def epochs_done(self) -> int:
        """Epochs finished so far."""
        return len(self._seconds)

    def _write_notices(self) -> None:
        for line in self._notices():
            self.on_notice(None, line)

    def _is_due(self) -> bool:
        return time.monotonic() - self._shown >= (_REDRAW_SECONDS if self._redraws else _LINE_SECONDS)

    def _show(self, line: str, place: str | None = None) -> None:
        self._shown = time.monotonic()
        text = f"{self._place if place is None else place} {line}".strip()
        if self._redraws:
            self.write("\r" + text[: self._width - 1].ljust(self._width - 1))
            self._is_drawn = True
        else:
            self.write("\n" + text)


def sweep_line(state: SweepProgress) -> str:
    """Return a sweep's progress: ``12 of 30 cases done · about 4m left · training resnet20 s0 3/20``."""
    parts = [f"{state.done} of {count_noun(state.cases, 'case')} done"]
    if (seconds_left := state.seconds_left) is not None:
        parts.append(f"about {duration(seconds_left)} left")
    shown = [
        f"{case.model} s{case.seed} {last.epoch if last else 0}/{case.recipe.epochs}"
        for case, last in state.running[:_MAX_SHOWN]
    ]
    if len(state.running) > _MAX_SHOWN:
        shown.append(f"and {len(state.running) - _MAX_SHOWN} more")
    if shown:
        parts.append(f"training {', '.join(shown)}")
    return " · ".join(parts)


def progress_line(
    case: Case, epoch: int, share: float, seconds: list[float], elapsed: float, last: EpochRecord | None
) -> str:
    """Return a case's progress: ``digits resnet20 seed 0 · epoch 3/20 · 97.2 % · 0.4s/epoch · 6.8s left``.

    Args:
        epoch: The epoch in training, from 1.
        share: The part of it that is trained, 0 to 1.
        seconds: The seconds of every finished epoch. Before the first is finished, ``share`` gives the time left.
        elapsed: The seconds since the epoch began.
        last: The last finished epoch's record.
    """
    epochs = case.recipe.epochs
    parts = [case.label, f"epoch {epoch}/{epochs}"]
    if last is not None:
        parts.append(f"{last.evaluation_accuracy_percent:.1f} %")
    if share < 1:
        parts[1] += f" ({share:.0%})"
    per_epoch = sum(seconds) / len(seconds) if seconds else elapsed / share if share else None
    if per_epoch is not None:
        done = len(seconds) + (share if len(seconds) < epoch else 0.0)
        parts += [f"{duration(per_epoch)}/epoch", f"{duration(per_epoch * max(0.0, epochs - done))} left"]
    return " · ".join(parts)
