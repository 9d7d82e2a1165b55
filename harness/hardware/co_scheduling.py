"""Whether other cases train on this machine at the same time: then they share its cores, and times are longer."""

import contextlib
import os
import tempfile
import uuid
from pathlib import Path

import filelock

_LOCK, _ARRIVALS, _PRESENT = ".lock", "arrivals", "present-"


def machine_folder() -> Path:
    """A folder that all of this user's processes on this machine have in common."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return Path(tempfile.gettempdir()) / f"wider-or-deeper-{user}"


class CoSchedulingMonitor:
    """A case's time on this machine, and whether it had it to itself. Use it as a context.

    Every case signs in a file that only grows, and holds a lock, which the system lets go of however its process ends.
    So none is missed, however short, whatever trains it. Another user's cases, or another container's, are not seen.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or machine_folder()
        self._present: filelock.BaseFileLock | None = None
        self._met = False
        self._arrivals = 0

    def __enter__(self) -> "CoSchedulingMonitor":
        with contextlib.suppress(OSError):  # where there is nowhere to sign, nobody is seen
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with filelock.FileLock(self._folder / _LOCK):
                self._met = any(map(_is_present, self._folder.glob(f"{_PRESENT}*")))
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
        """Whether another case has been training on this machine since this one began."""
        with contextlib.suppress(OSError):
            self._met = self._met or self._count() != self._arrivals
        return self._met

    def _count(self) -> int:
        return (self._folder / _ARRIVALS).stat().st_size if self._present is not None else 0


def _is_present(path: Path) -> bool:
    """Whether the process that holds this lock still runs; what a killed one left is removed."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        return True
    lock.release()
    path.unlink(missing_ok=True)
    return False
