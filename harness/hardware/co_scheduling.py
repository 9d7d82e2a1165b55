"""Detection of co-scheduled cases: they share this machine's cores, so their times are longer."""

import contextlib
import uuid
from pathlib import Path

import filelock

from harness.files import machine_folder

_LOCK, _ARRIVALS, _PRESENT = ".lock", "arrivals", "present-"


class CoSchedulingMonitor:
    """A context manager that detects cases trained on this machine while it is open.

    Every case appends a byte to a shared file and holds a lock, which the system releases however the process ends. So
    no case is missed, however short. Cases of another user or in another container are not seen.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or machine_folder()
        self._present: filelock.BaseFileLock | None = None
        self._saw_other = False
        self._arrivals = 0

    def __enter__(self) -> "CoSchedulingMonitor":
        with contextlib.suppress(OSError):  # without a writable folder, no case is seen
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with filelock.FileLock(self._folder / _LOCK):
                self._saw_other = any(map(_is_present, self._folder.glob(f"{_PRESENT}*")))
                self._present = filelock.FileLock(self._folder / f"{_PRESENT}{uuid.uuid4().hex}")
                self._present.acquire()
                with open(self._folder / _ARRIVALS, "ab") as file:
                    file.write(b".")
                self._arrivals = self._count()
        return self

    def __exit__(self, *_: object) -> None:
        if self._present is not None:
            self._present.release()
            Path(self._present.lock_file).unlink(missing_ok=True)

    @property
    def saw_other_case(self) -> bool:
        """The fact that another case has trained on this machine since this context was opened."""
        with contextlib.suppress(OSError):
            self._saw_other = self._saw_other or self._count() != self._arrivals
        return self._saw_other

    def _count(self) -> int:
        return (self._folder / _ARRIVALS).stat().st_size if self._present is not None else 0


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
