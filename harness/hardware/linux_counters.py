"""Linux's counters of a process's threads and children; each is empty or None on other systems."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_PROCESSES = Path("/proc")
_PRESSURE = Path("/proc/pressure/cpu")
_QUOTAS = (Path("/sys/fs/cgroup/cpu.stat"), Path("/sys/fs/cgroup/cpu/cpu.stat"))  # of cgroups 2 and 1
_UNREADABLE = (OSError, ValueError, IndexError)  # an entry is hidden, or its thread or process has ended


def waiting_seconds() -> dict[str, float]:
    """Return the time that each thread of this process has waited for a core; empty if unknown."""
    found = {}
    for task in _tasks(os.getpid()):
        with contextlib.suppress(*_UNREADABLE):
            running, waiting = (int(text) for text in (task / "schedstat").read_text().split()[:2])
            if running:  # a kernel that does not count has zeros
                found[task.name] = waiting / 1e9
    return found


def thread_cores() -> set[int]:
    """Return the cores that any thread of this process may run on; empty if unknown."""
    cores: set[int] = set()
    for task in _tasks(os.getpid()):
        with contextlib.suppress(AttributeError, *_UNREADABLE):
            cores |= os.sched_getaffinity(int(task.name))
    return cores


def child_pids(pid: int) -> list[int] | None:
    """Return the children of a process without looking at all processes; None if unknown."""
    files = [task / "children" for task in _tasks(pid)]
    if not any(file.exists() for file in files):
        return None
    children = []
    for file in files:
        with contextlib.suppress(*_UNREADABLE):
            children += [int(child) for child in file.read_text().split()]
    return children


def pressure_seconds() -> float | None:
    """Return the time in which any thread of the machine waited for a core; None if unknown."""
    with contextlib.suppress(*_UNREADABLE):
        return int(_PRESSURE.read_text().split("total=")[1].split()[0]) / 1e6
    return None


def throttled_periods() -> int:
    """Return the periods in which a container's CPU quota stopped its processes; 0 without a quota."""
    for file in _QUOTAS:
        with contextlib.suppress(*_UNREADABLE):
            return int(file.read_text().split("nr_throttled")[1].split()[0])
    return 0


def _tasks(pid: int) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (_PROCESSES / str(pid) / "task").iterdir()
