"""CPU cores claimed by the process that trains a case, so that cases do not share cores."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from harness.errors import InputError
from harness.hardware import linux_counters
from harness.private_folder import machine_folder


@contextlib.contextmanager
def claimed(count: int, folder: Path | None = None) -> Iterator[tuple[int, ...]]:
    """Run this process on ``count`` cores that no other case has claimed; yield their numbers.

    The system releases a claim however its process ends. Nothing changes, and no number is yielded, if too few cores
    are free, if the system has no CPU affinity (it is not Linux), or in a container that has a share of the machine's
    time instead of its own cores: other containers, invisible from inside, run on the same cores.
    """
    if not hasattr(os, "sched_setaffinity") or linux_counters.has_quota():
        yield ()
        return
    before = os.sched_getaffinity(0)
    with contextlib.ExitStack() as claims:
        cores = _claim(sorted(before), count, folder, claims)
        if len(cores) < count:
            claims.close()
            yield ()
            return
        try:
            _run_on(set(cores))
            yield tuple(cores)
        finally:
            _run_on(before)


def _claim(cores: list[int], count: int, folder: Path | None, claims: contextlib.ExitStack) -> list[int]:
    """Lock the first free cores and return them: fewer than ``count`` if no more are free."""
    taken: list[int] = []
    with contextlib.suppress(OSError, InputError):  # without a folder of this user's own, no core is claimed
        folder = folder or machine_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for core in cores:
            if len(taken) == count:
                break
            lock = filelock.FileLock(folder / f"core-{core}")
            with contextlib.suppress(filelock.Timeout):
                lock.acquire(blocking=False)
                claims.callback(lock.release)
                taken.append(core)
    return taken


def _run_on(cores: set[int]) -> None:
    """Run every thread of this process on these cores, including threads left by earlier cases."""
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)
