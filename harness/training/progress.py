"""The progress of a case with its time left: one line redrawn on a terminal, some lines in a log."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.config.case import Case
from harness.results.result import EpochRecord
from harness.text import count_noun, duration, printable, printable_lines
from harness.training.callback import TrainingCallback
from harness.training.sweep_progress import SweepProgress

_REDRAW_SECONDS = 0.2
_LINE_SECONDS = 30.0
_MAX_SHOWN = 3  # cases of a sweep
_MIN_LABEL = 12
_LEAST_IMPORTANT = ("pace", "accuracy", "left")
"""The parts of a line that is too long, in the order in which they are left out."""


@dataclass
class LastShown:
    """The time of the last line in a log, shared by the cases of a session."""

    seconds: float = field(default_factory=time.monotonic)


class Progress(TrainingCallback):
    """A callback that shows a case's progress.

    Args:
        write: Writes text as it is.
        redraws: True if the line is redrawn (a terminal), false if each line stays (a log).
        width: The terminal's columns.
        last_shown: The time of the last line in the log before; None to start now.
        seconds_after: Given the mean seconds of this case's epochs, returns those of the cases after it, or None.
        place: The case's position among all cases, e.g. ``3/22``.
        line: The text of the line that is redrawn; `close` puts it back.
        stop_requested: Returns true once training has been asked to stop.
        is_stop: Returns true for an error that asks the session to stop.
        notices: Returns lines for the user that are new, of trackers for example.

    Attributes:
        shows_last_epoch: True to show a case's last epoch at once.
        has_started: True once this process trains the case: it was not finished, and no other process holds it.
        trained: The epochs that this process has trained.
    """

    shows_last_epoch = False

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        redraws: bool,
        width: int,
        last_shown: LastShown | None = None,
        seconds_after: Callable[[float | None], float | None] = lambda _: None,
        place: str = "",
        line: str = "",
        stop_requested: Callable[[], bool] = lambda: False,
        is_stop: Callable[[Exception], bool] = lambda _: False,
        notices: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self.write, self._redraws, self._width, self._place = write, redraws, width, place
        self._line, self._stop_requested, self._is_stop, self._notices = line, stop_requested, is_stop, notices
        self._seconds_after = seconds_after
        self._epoch_started = time.monotonic()
        self._shown = LastShown(0.0) if redraws else last_shown or LastShown()
        self._is_drawn = False
        self._case: Case | None = None
        self._seconds: list[float] = []
        self._last: EpochRecord | None = None
        self.has_started = False
        self.trained: list[EpochRecord] = []

    def should_stop(self) -> bool:
        return self._stop_requested()

    def is_stop(self, error: Exception) -> bool:
        return self._is_stop(error)

    def on_notice(self, case: Case | None, text: str) -> None:
        self.close()
        about = f"{self._place} {case.label}".strip() + ": " if case is not None else ""
        self.write(f"\n{printable_lines(about + text)}\n")

    def on_resume(self, case: Case, records: Sequence[EpochRecord]) -> None:
        self._follow(case)
        self._seconds = [record.epoch_seconds for record in records]
        self._last = records[-1] if records else None
        self.on_notice(case, f"resuming after epoch {len(records)} of {case.recipe.epochs}")

    def on_warm_up(self, case: Case) -> None:
        self._follow(case)
        self.has_started = True
        if case.compiled:
            self._show(f"{case.label} · compiling the network, once")

    def on_progress(self, case: Case, epoch: int, share: float) -> None:
        self._follow(case)
        if self._is_due():
            self._show_epoch(case, epoch, share)

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        self._follow(case)
        self.trained.append(record)
        self._seconds.append(record.epoch_seconds)
        self._last = record
        self._epoch_started = time.monotonic()
        self._write_notices()
        if self._is_due() or (self.shows_last_epoch and record.epoch == case.recipe.epochs):
            self._show_epoch(case, record.epoch, 1.0)

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

    def _follow(self, case: Case) -> None:
        """Start from zero if this is another case than the last."""
        if case != self._case:
            self._case, self._seconds, self._last = case, [], None
            self._epoch_started = time.monotonic()

    def _show_epoch(self, case: Case, epoch: int, share: float) -> None:
        elapsed = time.monotonic() - self._epoch_started
        pace = epoch_pace(self._seconds, share, elapsed)
        width = self._width - 1 - len(f"{self._place} ".lstrip())
        after = self._seconds_after(pace)
        self._show(progress_line(case, epoch, share, self._seconds, pace, self._last, after, width))

    def _is_due(self) -> bool:
        return time.monotonic() - self._shown.seconds >= (_REDRAW_SECONDS if self._redraws else _LINE_SECONDS)

    def _show(self, line: str, place: str | None = None) -> None:
        self._shown.seconds = time.monotonic()
        text = printable(f"{self._place if place is None else place} {line}".strip())
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


def epoch_pace(seconds: Sequence[float], share: float, elapsed: float) -> float | None:
    """Return the median time of an epoch; scale the first one's from the share that is trained.

    One epoch in which the process was stopped or the machine was busy then says nothing about those to come.

    Args:
        seconds: The seconds of every finished epoch.
        share: The part of the epoch in training, 0 to 1, that took ``elapsed`` seconds.
    """
    if seconds:
        return statistics.median(seconds)
    return elapsed / share if share else None


def progress_line(
    case: Case,
    epoch: int,
    share: float,
    seconds: Sequence[float],
    pace: float | None,
    last: EpochRecord | None,
    seconds_after: float | None = None,
    width: int = 200,
) -> str:
    """Return a case's progress: ``digits resnet20 seed 0 · epoch 3/20 · 97.2 % · 0.4s/epoch · 6.8s left``.

    With cases to follow, ``12m05s left in all`` is appended.

    Args:
        epoch: The epoch in training, from 1.
        share: The part of it that is trained, 0 to 1.
        seconds: The seconds of every finished epoch.
        pace: The expected time of an epoch; None if not known.
        last: The last finished epoch's record.
        seconds_after: The time of the cases after this one; None if not known.
        width: The most characters; the least important parts of a longer line are left out.
    """
    epochs = case.recipe.epochs
    parts = {"label": case.label, "epoch": f"epoch {epoch}/{epochs}" + (f" ({share:.0%})" if share < 1 else "")}
    if last is not None:
        parts["accuracy"] = f"{last.evaluation_accuracy_percent:.1f} %"
    if pace is not None:
        left = pace * max(0.0, epochs - len(seconds) - (share if len(seconds) < epoch else 0.0))
        parts |= {"pace": f"{duration(pace)}/epoch", "left": f"{duration(left)} left"}
        if seconds_after:
            parts["all"] = f"{duration(left + seconds_after)} left in all"
    return _fitted(parts, width)


def _fitted(parts: dict[str, str], width: int) -> str:
    """Return the parts in a line; leave out the least important, and a label's start, if it is too long."""
    for name in _LEAST_IMPORTANT:
        if len(" · ".join(parts.values())) <= width:
            break
        if name != "left" or "all" in parts:
            parts.pop(name, None)
    excess = len(" · ".join(parts.values())) - width
    if excess > 0 and "all" in parts:
        label = parts["label"]
        parts["label"] = "…" + label[min(excess + 1, max(0, len(label) - _MIN_LABEL)) :]
    return " · ".join(parts.values())
