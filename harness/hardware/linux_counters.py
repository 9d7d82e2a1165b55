"""Linux's counters of cores, CPU quotas, threads and children; each is empty, 0 or None elsewhere."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

_PROCESSES = Path("/proc")
_PRESSURE = Path("/proc/pressure/cpu")
_CGROUPS = Path("/sys/fs/cgroup")
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


@contextlib.contextmanager
def waiting_clock() -> Iterator[Callable[[], float]]:
    """Yield a clock of the time that the calling thread has waited for a core; it stays at 0 if unknown."""
    try:
        file = open(_PROCESSES / "thread-self/schedstat", "rb", buffering=0)  # noqa: SIM115 - closed below
    except OSError:
        yield lambda: 0.0
        return
    with file:
        yield lambda: int(os.pread(file.fileno(), 100, 0).split()[1]) / 1e9  # faster than opening it each time


def thread_cores() -> set[int]:
    """Return the cores that any thread of this process may run on; empty if unknown."""
    cores: set[int] = set()
    for task in _tasks(os.getpid()):
        with contextlib.suppress(AttributeError, *_UNREADABLE):
            cores |= os.sched_getaffinity(int(task.name))
    return cores


def core_numbers() -> list[int]:
    """Return the numbers of the cores that the system counts, in its order; empty if unknown.

    They are no range if a core is offline.
    """
    with contextlib.suppress(*_UNREADABLE):
        return [int(number) for number in re.findall(r"^cpu(\d+) ", (_PROCESSES / "stat").read_text(), re.MULTILINE)]
    return []


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
    """Return the periods in which CPU quotas stopped this process's cgroups; 0 without a quota."""
    found = (re.findall(r"^nr_throttled (\d+)", text, re.MULTILINE) for text in _of_cgroups("cpu.stat"))
    return sum(int(count) for counts in found for count in counts)


def has_quota() -> bool:
    """Return whether a quota limits this process's CPU time; ``200000 100000`` allows that of two cores."""
    files = ("cpu.max", "cpu.cfs_quota_us")  # of cgroups 2 and 1, which have "max" and -1 without a quota
    return any(re.match(r"\d", text) for name in files for text in _of_cgroups(name))


def _of_cgroups(name: str) -> Iterator[str]:
    """Yield a file of each cgroup that this process is in: its own, and all above it."""
    folders = {_CGROUPS, _CGROUPS / "cpu"}  # the only ones that a container may show
    with contextlib.suppress(*_UNREADABLE):
        for line in (_PROCESSES / "self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "cpu" in (controllers or "cpu").split(","):  # version 2 names no controller
                folder = _CGROUPS / ("cpu" if controllers else "") / path.lstrip("/")
                folders |= {one for one in (folder, *folder.parents) if one.is_relative_to(_CGROUPS)}
    for folder in folders:
        with contextlib.suppress(*_UNREADABLE):
            yield (folder / name).read_text()


def _tasks(pid: int) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (_PROCESSES / str(pid) / "task").iterdir()
