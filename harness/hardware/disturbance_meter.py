"""The meter of disturbance: reads what the system counts before and after a timed region."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from harness.hardware.gpu_state import gpu_state
from harness.results.disturbance import Disturbance

_PRESSURE = Path("/proc/pressure/cpu")
_TASKS = Path("/proc/self/task")
_OWN = ("user", "system", "children_user", "children_system")
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")  # a guest's time is part of the user's


class DisturbanceMeter:
    """The disturbance of this process by other work since this object was made.

    Both ends take a millisecond or two, so they belong outside of the timed region.
    """

    def __init__(self, device: torch.device, *, is_distributed: bool = False) -> None:
        """Start measuring.

        Args:
            is_distributed: the other ranks on this machine, started by the same parent, count as this process.
        """
        self._device = device
        self._process = psutil.Process()
        self._tree = psutil.Process(os.getppid()) if is_distributed else self._process
        self._cores = _cores()
        self._begin = self._counters()

    def reading(self) -> Disturbance:
        """Return the disturbance so far."""
        begin, end = self._begin, self._counters()
        own = max(0.0, end.own - begin.own)
        return Disturbance(
            wall_seconds=end.time - begin.time,
            threads=torch.get_num_threads(),
            cores=len(self._cores),
            cpu_seconds=own,
            other_cpu_seconds=max(0.0, end.busy - begin.busy - own),
            involuntary_switches=max(0, end.switches - begin.switches),
            waiting_seconds=_waited(begin.waiting, end.waiting),
            pressure_seconds=None if end.pressure is None else max(0.0, end.pressure - (begin.pressure or 0.0)),
            steal_seconds=max(0.0, end.steal - begin.steal),
            **gpu_state(self._device, _pids(self._tree)),
        )

    def _counters(self) -> "_Counters":
        per_core = psutil.cpu_times(percpu=True)
        ours = [per_core[core] for core in self._cores if core < len(per_core)]
        return _Counters(
            time=time.perf_counter(),
            own=sum(map(_cpu_seconds, _family(self._tree))),
            busy=sum(getattr(one, name, 0.0) for one in ours for name in _BUSY),
            steal=sum(getattr(one, "steal", 0.0) for one in ours),
            switches=self._process.num_ctx_switches().involuntary,
            pressure=_pressure_seconds(),
            waiting=_waiting_seconds(),
        )


@dataclass(frozen=True)
class _Counters:
    """The system's counters, in seconds; `waiting` by thread."""

    time: float
    own: float
    busy: float
    steal: float
    switches: int
    pressure: float | None
    waiting: dict[str, float]


def _cores() -> list[int]:
    """Return the cores that this process may run on; all on systems without CPU affinity."""
    with contextlib.suppress(AttributeError, OSError):
        return sorted(os.sched_getaffinity(0))
    return list(range(psutil.cpu_count() or 1))


def _family(process: psutil.Process) -> Iterator[psutil.Process]:
    """Yield a process and its descendants."""
    yield process
    with contextlib.suppress(psutil.Error):
        yield from process.children(recursive=True)


def _pids(process: psutil.Process) -> set[int]:
    return {one.pid for one in _family(process)}


def _cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time of a process and its ended children; 0 once it has ended itself."""
    with contextlib.suppress(psutil.Error):
        return float(sum(getattr(process.cpu_times(), name, 0.0) for name in _OWN))
    return 0.0


def _pressure_seconds() -> float | None:
    """Return the time in which any thread of the machine waited for a core; None if unknown."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(_PRESSURE.read_text().split("total=")[1].split()[0]) / 1e6
    return None


def _waiting_seconds() -> dict[str, float]:
    """Return the time that each thread of this process has waited for a core; empty if unknown."""
    found = {}
    with contextlib.suppress(OSError):
        for task in _TASKS.iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):  # the thread may have ended
                found[task.name] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return found


def _waited(begin: dict[str, float], end: dict[str, float]) -> float | None:
    if not end:
        return None
    return sum(max(0.0, seconds - begin.get(thread, 0.0)) for thread, seconds in end.items())
