"""Detection of co-scheduled cases: they share this machine's cores, so their times are longer."""

import contextlib
import copy
import uuid
from pathlib import Path

import filelock

from harness.errors import InputError
from harness.private_folder import append, machine_folder

_LOCK, _ARRIVALS, _PRESENT = ".lock", "arrivals", "present-"
_MAX_LOCK_SECONDS = 10.0  # held for milliseconds, unless its process is suspended


class CoSchedulingMonitor:
    """A context manager that detects cases trained on this machine while it is open.

    Every case appends a byte to a shared file and holds a lock, which the system releases however the process ends. So
    no case is missed, however short. Cases of another user or in another container are not seen. A folder that cannot
    be used never prevents a training: no case is seen then.

    Attributes:
        obstacle: the reason why no case can be seen, in one line; None if there is none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.obstacle: str | None = None
        self._folder = folder
        self._present: filelock.BaseFileLock | None = None
        self._saw_other = False
        self._arrivals = 0

    def __enter__(self) -> "CoSchedulingMonitor":
        try:
            self._folder = self._folder or machine_folder()
            self._arrive(self._folder)
        except (OSError, InputError) as error:
            reason = str(error).replace("\n", "; ")
            self.obstacle = f"other cases on this machine are not detected: {reason}"
        return self

    def _arrive(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with filelock.FileLock(folder / _LOCK, timeout=_MAX_LOCK_SECONDS):
            self._saw_other = self._is_other_present(folder)
            self._present = filelock.FileLock(folder / f"{_PRESENT}{uuid.uuid4().hex}")
            self._present.acquire()
            append(folder / _ARRIVALS, b".")
            self._arrivals = self._count()

    def __exit__(self, *_: object) -> None:
        if self._present is not None:
            self._present.release()
            Path(self._present.lock_file).unlink(missing_ok=True)

    def afresh(self) -> "CoSchedulingMonitor":
        """Return this case's monitor as if opened now: cases that have ended do not count."""
        fresh = copy.copy(self)
        if self._folder is not None and self._present is not None:
            with contextlib.suppress(OSError), filelock.FileLock(self._folder / _LOCK, timeout=_MAX_LOCK_SECONDS):
                fresh._saw_other = self._is_other_present(self._folder)
                fresh._arrivals = self._count()
        return fresh

    def _is_other_present(self, folder: Path) -> bool:
        own = self._present and Path(self._present.lock_file)
        return any(_is_present(one) for one in folder.glob(f"{_PRESENT}*") if one != own)

    @property
    def saw_other_case(self) -> bool:
        """The fact that another case has trained on this machine since this context was opened."""
        if self.obstacle is not None:
            return False
        with contextlib.suppress(OSError):
            self._saw_other = self._saw_other or self._count() != self._arrivals
        return self._saw_other

    def _count(self) -> int:
        if self._folder is None or self._present is None:
            return 0
        return (self._folder / _ARRIVALS).lstat().st_size


def _is_present(path: Path) -> bool:
    """Return whether the process that holds this lock still runs; remove the file of a killed one."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        return True
    lock.release()
    path.unlink(missing_ok=True)
    return False
