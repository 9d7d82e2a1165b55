"""The meter of disturbance: reads what the system counts before and after a timed region."""

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import psutil
import torch

from harness.hardware import linux_counters
from harness.hardware.gpu_state import gpu_state
from harness.hardware.stops import StopMeter, Stops
from harness.results.disturbance import Disturbance

_OWN = ("user", "system", "children_user", "children_system")
_BUSY = ("user", "nice", "system", "irq", "softirq")  # a guest's time is part of the user's; Windows' irq of system
_UNREADABLE = (psutil.Error, OSError, RuntimeError, ValueError, AttributeError)  # hidden, ended, or not counted here


class DisturbanceMeter:
    """The disturbance of this process by other work and stops since this object was made.

    Both ends take a few milliseconds, so they belong outside of the timed region. A counter that the system hides
    reads 0 or None, and never fails.
    """

    def __init__(self, device: torch.device, *, is_distributed: bool = False) -> None:
        """Start measuring.

        Args:
            is_distributed: the other ranks on this machine, started by the same parent, count as this process.
        """
        self._device = device
        self._root = os.getppid() if is_distributed else os.getpid()
        self._begin = _Counters.now(self._root)
        self._stops = StopMeter()

    def reading(self) -> Disturbance:
        """Return the disturbance so far."""
        begin, end, cores = self._begin, _Counters.now(self._root), _cores()
        own = max(0.0, end.own - begin.own)
        busy = _since(begin.busy, end.busy, cores)
        return Disturbance(
            wall_seconds=end.time - begin.time,
            threads=torch.get_num_threads(),
            cores=len(cores),
            cpu_seconds=own,
            other_cpu_seconds=max(0.0, busy - own),
            involuntary_switches=max(0, end.switches - begin.switches),
            waiting_seconds=_longest_wait(begin, end),
            pressure_seconds=_pressure(begin, end),
            steal_seconds=_since(begin.steal, end.steal, cores),
            **asdict(self._stops.reading()),
            **gpu_state(self._device, _family(self._root), seconds=end.time - begin.time),
        )


def with_stops_of_ranks(own: Disturbance, others: Iterable[Stops]) -> Disturbance:
    """Return a rank's disturbance with the longest stop and sleep of all ranks: they wait for one another."""
    stopped, slept = own.stopped_seconds, own.slept_seconds
    for one in others:
        stopped, slept = max(stopped, one.stopped_seconds), max(slept, one.slept_seconds)
    return replace(own, stopped_seconds=stopped, slept_seconds=slept)


@dataclass(frozen=True)
class _Counters:
    """The system's counters, in seconds: `busy` and `steal` by core, `waiting` by thread.

    Attributes:
        steal: the time that other virtual machines took from a core.
    """

    time: float
    own: float
    busy: dict[int, float]
    steal: dict[int, float]
    switches: int
    pressure: float | None
    waiting: dict[str, float]
    throttled_periods: int

    @classmethod
    def now(cls, root: int) -> "_Counters":
        """Read the counters; those of all descendants of ``root`` are this process's own."""
        cores = _core_times()  # right before `own`: the difference of both is the others' time
        return cls(
            time=time.perf_counter(),
            own=_own_seconds() + sum(map(_cpu_seconds, _family(root) - {os.getpid()})),
            busy={core: sum(getattr(times, name, 0.0) for name in _BUSY) for core, times in cores.items()},
            steal={core: getattr(times, "steal", 0.0) for core, times in cores.items()},
            switches=_involuntary_switches(),
            pressure=linux_counters.pressure_seconds(),
            waiting=linux_counters.waiting_seconds(),
            throttled_periods=linux_counters.throttled_periods(),
        )


def _core_times() -> dict[int, Any]:
    """Return psutil's times of each core, by its number; empty if the system hides them."""
    with contextlib.suppress(*_UNREADABLE):
        times: list[Any] = psutil.cpu_times(percpu=True)
        return dict(zip(linux_counters.core_numbers() or range(len(times)), times, strict=False))
    return {}


def _own_seconds() -> float:
    """Return the CPU time of this process and its ended children; psutil lacks the children's on macOS."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of another process and its ended children; 0 once it has ended itself."""
    with contextlib.suppress(*_UNREADABLE):
        times = psutil.Process(pid).cpu_times()
        return float(sum(getattr(times, name, 0.0) for name in _OWN))
    return 0.0


def _involuntary_switches() -> int:
    """Return the switches of all threads; 0 on Windows, which does not count them."""
    with contextlib.suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
    return 0


def _cores() -> list[int]:
    """Return the cores that this process may run on; all on systems without CPU affinity."""
    with contextlib.suppress(*_UNREADABLE):
        cores: list[int] = psutil.Process().cpu_affinity() or []
        if len(cores) >= torch.get_num_threads():
            return sorted(cores)
        return sorted(linux_counters.thread_cores().union(cores))  # OMP_PROC_BIND gives each thread its own
    return list(range(psutil.cpu_count() or 1))


def _family(pid: int) -> set[int]:
    """Return this process, the given one, and its descendants."""
    found: set[int] = {os.getpid()}
    left = [pid]
    while left:
        one = left.pop()
        found.add(one)
        children = linux_counters.child_pids(one)
        if children is None:
            with contextlib.suppress(*_UNREADABLE):
                found |= {child.pid for child in psutil.Process(one).children(recursive=True)}
        else:
            left += children
    return found


def _since(begin: dict[int, float], end: dict[int, float], cores: Sequence[int]) -> float:
    """Return the seconds between two readings on these cores; on all if a container renumbers them."""
    elapsed = {core: max(0.0, seconds - begin.get(core, seconds)) for core, seconds in end.items()}
    return sum(elapsed[core] for core in (cores if elapsed.keys() >= set(cores) else elapsed))


def _pressure(begin: _Counters, end: _Counters) -> float | None:
    if begin.pressure is None or end.pressure is None:
        return None
    return max(0.0, end.pressure - begin.pressure)


def _longest_wait(begin: _Counters, end: _Counters) -> float | None:
    """Return the wait of the thread that waited longest: the others wait for it. None if unknown."""
    if not end.waiting or end.throttled_periods > begin.throttled_periods:
        return None
    return max(max(0.0, seconds - begin.waiting.get(thread, 0.0)) for thread, seconds in end.waiting.items())
