"""Detection of cases that a process trains now, without writing: a report also reads folders that are read-only."""

import os
import sys
from pathlib import Path

LOCK = ".lock"


def is_in_training(folder: Path) -> bool:
    """Return whether a process holds the lock of a case's folder; False where that cannot be seen."""
    if sys.platform == "win32":
        return False  # a lock is seen there only by writing to its file
    import fcntl

    try:
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)  # releases it
    return False
