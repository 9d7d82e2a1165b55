"""One tracker kept up to date with the results folder, through all its failures."""

import contextlib
import re
import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from harness.files import safe_name
from harness.text import count_noun
from harness.tracking.followed import FollowedCase, read_training
from harness.tracking.tracker import ReportFiles, TrackedRun, Tracker, Training

_MAX_WAIT_SECONDS = 60.0
_ERROR_WIDTH = 160


@dataclass
class _CaseLog:
    """A case and what the tracker has of it.

    Attributes:
        lock: held while this process logs the case, so that two sessions do not log an epoch twice.
        seen: the times of the case's files when everything in them was logged.
        training, run: the latest training and its run.
    """

    case: FollowedCase
    lock: filelock.BaseFileLock
    seen: tuple[Any, ...] = (None, None)
    training: Training | None = None
    run: TrackedRun | None = None

    @property
    def is_behind(self) -> bool:
        """True if the case's files have changed since they were logged."""
        return self.case.file_times() != self.seen

    def has_own_run(self, training: Training) -> bool:
        """Return whether ``run`` is the training's, and not the closed one of a failure that is resumed now."""
        is_resumed = training.result is None and self.run is not None and self.run.finished_at is not None
        is_same = self.training is not None and self.training.key == training.key
        return self.run is not None and is_same and not is_resumed

    def close_run(self) -> None:
        """Close the run; ignore errors, since what it has not logged is logged again."""
        if self.run is not None:
            with contextlib.suppress(Exception, SystemExit):
                self.run.close()
        self.run = None


class Follower:
    """The cases of a session and the tracker that logs them.

    Attributes:
        logged: the labels of the cases that have been logged, in part or as a whole.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], Tracker],
        cases: Iterable[FollowedCase],
        notify: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Follow the cases.

        Args:
            make: makes the tracker; called again after every failure.
            notify: called with a line for the user.
            clock: returns seconds that never decrease.
        """
        self._name, self._make, self._notify, self._clock = name, make, notify, clock
        self._cases: list[_CaseLog] = []
        self.add(cases)
        self._tracker: Tracker | None = None
        self._failures, self._retry_at = 0, 0.0
        self.logged: set[str] = set()

    def add(self, cases: Iterable[FollowedCase]) -> None:
        """Follow further cases."""
        self._cases += [_CaseLog(case, _lock(case, self._name)) for case in cases]

    def update(self) -> None:
        """Log what is new in the results folder; after each failure, wait longer before the next try."""
        if self._clock() >= self._retry_at:
            self._try(self._log_new)

    def end(self, report: ReportFiles | None) -> None:
        """Log what is left, then the report; mark trainings without a result as interrupted."""
        self._try(lambda tracker: self._log_last(tracker, report))
        behind = [one for one in self._cases if one.is_behind]
        if self._failures:
            what = f"{count_noun(len(behind), 'case')} not logged completely" if behind else "the report is not logged"
            self._notify(f"{what}: run the command again, without --rerun, to log what is missing")
        elif behind:
            self._notify(f"{count_noun(len(behind), 'case')} left to another session, which logs to it too")
        if not self._failures and self.logged and self._tracker is not None:
            self._notify_safely(f"{count_noun(len(self.logged), 'case')} logged in {self._tracker.place}")
        for one in self._cases:
            one.lock.release()

    def _try(self, act: Callable[[Tracker], None]) -> None:
        """Run ``act`` with the tracker; report the first failure of a row, and the recovery."""
        try:
            if self._tracker is None:
                self._tracker = self._make()
            act(self._tracker)
        except (Exception, SystemExit) as error:  # a tracker's fault must not end its process
            self._fail(error)
        else:
            if self._failures:
                self._notify("logs again, and has what it missed")
            self._failures = 0

    def _fail(self, error: BaseException) -> None:
        self._tracker = None
        for one in self._cases:
            one.close_run()
        if not self._failures:
            reason = textwrap.shorten(f"{type(error).__name__}: {error}", _ERROR_WIDTH, placeholder=" …")
            self._notify_safely(f"does not log now ({reason}); training continues, and logging is retried")
        self._failures += 1
        self._retry_at = self._clock() + min(_MAX_WAIT_SECONDS, 2.0**self._failures)

    def _notify_safely(self, line: str) -> None:
        """Report a line without user names and passwords in its addresses."""
        self._notify(re.sub(r"//[^/\s]*@", "//", line))

    def _log_new(self, tracker: Tracker) -> None:
        for one in [one for one in self._cases if one.is_behind]:
            # To the end of the row: a case that makes the tracker fail must not hold up the others.
            self._cases.remove(one)
            self._cases.append(one)
            seen = one.case.file_times()
            if self._log_case(tracker, one):
                one.seen = seen

    def _log_case(self, tracker: Tracker, one: _CaseLog) -> bool:
        """Log what is new of a case; return whether all is logged, false if another process logs it."""
        if not Path(one.case.folder).is_dir():
            return True
        try:
            if not one.lock.is_locked:  # it counts how often it was acquired
                one.lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        if (training := read_training(one.case)) is not None:
            self._log_training(tracker, one, training)
        return True

    def _log_training(self, tracker: Tracker, one: _CaseLog, training: Training) -> None:
        if one.run is None or not one.has_own_run(training):
            one.close_run()
            one.run = tracker.open_run(training)
        one.training, run, result = training, one.run, training.result
        if result is None:
            run.finished_at = None  # of a failure before the case was resumed
        if new := [record for record in training.records if record.epoch > run.epochs]:
            run.log_epochs(new)
            run.epochs = new[-1].epoch
            self.logged.add(training.label)
        if result is not None and run.finished_at != result.finished_at:
            run.finish(training, result)
            run.finished_at = result.finished_at
            self.logged.add(training.label)

    def _log_last(self, tracker: Tracker, report: ReportFiles | None) -> None:
        self._log_new(tracker)
        for one in self._cases:
            if one.run is not None and one.training is not None and one.training.result is None:
                one.run.interrupt()
            one.close_run()
        if report is not None and self.logged:
            tracker.log_report(report)


def _lock(case: FollowedCase, name: str) -> filelock.BaseFileLock:
    """Return the lock of the process that logs the case to this tracker."""
    return filelock.FileLock(Path(case.folder) / f".tracking-{safe_name(name)}.lock", thread_local=False)
