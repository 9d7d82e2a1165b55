"""Cores of this machine, claimed by the process that trains a case: so that cases do not take each other's."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from harness.hardware.co_scheduling import machine_folder


@contextlib.contextmanager
def claimed(count: int, folder: Path | None = None) -> Iterator[tuple[int, ...]]:
    """Have this process run on ``count`` cores that no other case has; inside, which.

    The system lets go of a claim however its process ends. Where so many are not free, or the system cannot say on
    which cores a process runs (it is not Linux), nothing is changed, and there are none. Nor in a container that has a
    share of the machine's time instead of cores of its own: others, who cannot be seen from there, have the same cores.
    """
    if not hasattr(os, "sched_setaffinity") or _has_quota():
        yield ()
        return
    before = os.sched_getaffinity(0)
    with contextlib.ExitStack() as claims:
        cores = _claim(sorted(before), count, folder or machine_folder(), claims)
        if len(cores) < count:
            claims.close()
            yield ()
            return
        try:
            _run_on(set(cores))
            yield tuple(cores)
        finally:
            _run_on(before)


def _has_quota(place: Path = Path("/sys/fs/cgroup/cpu.max")) -> bool:
    """Whether the system gives this container a share of the cores' time: ``200000 100000`` is two cores' worth."""
    with contextlib.suppress(OSError):
        return not place.read_text().startswith("max")
    return False


def _claim(cores: list[int], count: int, folder: Path, claims: contextlib.ExitStack) -> list[int]:
    """The first cores of which the lock is free, and locked now; fewer than asked for where there are no more."""
    taken: list[int] = []
    with contextlib.suppress(OSError):
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
    """Have every thread of this process run on these cores: those that earlier cases left behind too."""
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)
