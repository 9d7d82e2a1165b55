"""The disturbance of a timed region, and the limit from which it counts. Needs no torch.

A region is disturbed if other work took more than a twentieth of its time: that lengthens it by about as much. So is
one in which the process was stopped, or the machine slept, for as long. The limit was measured on two cores:
undisturbed epochs waited for a core for 0 to 2 % of their time. A wait is not the others' alone if the process has more
threads and child processes than cores: these also keep each other waiting.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeGuard, get_args

from harness.results.ranges import Count, Seconds
from harness.text import duration

_DISTURBED_SHARE = 0.05
_BUSY_SHARE = 0.9  # of all cores, where the system does not report the time that threads wait
_TICK_SECONDS = 0.01  # Linux counts each core's time in these, and short regions last for few of them

_Kind = Literal["processes", "steal", "gpu_processes", "gpu_throttled", "stopped", "slept"]


@dataclass(frozen=True)
class Disturbance:
    """The use of the machine by a process and by others while a region was timed.

    `involuntary_switches`, `pressure_seconds` and `gpu_clock_share` are recorded only: no cause is derived from them.

    Attributes:
        wall_seconds: the region's length.
        threads: the threads that the process computes with.
        cores: the cores that the process may run on.
        cpu_seconds: the CPU time of the process and its child processes.
        other_cpu_seconds: the CPU time of all other processes on these cores.
        involuntary_switches: the times that a thread of the process lost its core to another thread.
        waiting_seconds: the time that a thread of the process waited for a core, of the one that waited longest; None
            except on Linux, or if a container's CPU quota stopped the process, as the system counts both in one.
        pressure_seconds: the time in which any thread of the machine waited for a core; None except on Linux.
        steal_seconds: the time that other virtual machines took from these cores.
        stopped_seconds: the time in which the process was stopped, e.g. by Ctrl-Z or in a frozen container; that of
            the rank that was stopped longest.
        slept_seconds: the time in which the machine slept; the region's length leaves it out on Linux and macOS.
        gpu_processes: other active processes on the GPU at the region's end; None on a CPU, or if the driver hides it.
        gpu_clock_share: the GPU's clock at the region's end as a share of its highest; None likewise.
        gpu_throttled: True if heat or power supply slowed the GPU down at the region's end; None likewise.
    """

    wall_seconds: Seconds
    threads: Count
    cores: Count
    cpu_seconds: Seconds
    other_cpu_seconds: Seconds
    involuntary_switches: Count
    waiting_seconds: Seconds | None = None
    pressure_seconds: Seconds | None = None
    steal_seconds: Seconds = 0.0
    gpu_processes: Count | None = None
    gpu_clock_share: Seconds | None = None
    gpu_throttled: bool | None = None
    stopped_seconds: Seconds = 0.0
    slept_seconds: Seconds = 0.0

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes of disturbance, in words; empty without any."""
        return causes_of([self])

    @property
    def is_disturbed(self) -> bool:
        return bool(self._kinds)

    @property
    def severity(self) -> tuple[int, bool, float]:
        """The order of disturbances: processes on the GPU, its throttling, then the lost time."""
        lost = self._share(self.other_cpu_seconds + self.steal_seconds + self.stopped_seconds + self.slept_seconds)
        return self.gpu_processes or 0, bool(self.gpu_throttled), lost

    @property
    def _kinds(self) -> list[_Kind]:
        """The kinds of disturbance of this region."""
        found: dict[_Kind, bool] = {
            "processes": self._was_kept_waiting,
            "steal": min(self._share(self.steal_seconds), self._steal_share) > _DISTURBED_SHARE,
            "gpu_processes": bool(self.gpu_processes),
            "gpu_throttled": bool(self.gpu_throttled),
            "stopped": self._share(self.stopped_seconds) > _DISTURBED_SHARE,
            "slept": self._share(self.slept_seconds) > _DISTURBED_SHARE,
        }
        return [kind for kind, is_one in found.items() if is_one]

    @property
    def _was_kept_waiting(self) -> bool:
        """True if other processes kept this one waiting; its own threads may also keep each other waiting."""
        others = self.other_cpu_seconds - _TICK_SECONDS * math.sqrt(self.cores)  # the cores' roundings partly cancel
        if self._share(others) <= _DISTURBED_SHARE:
            return False
        if self.waiting_seconds is None:
            return self._share(self.cpu_seconds + self.other_cpu_seconds) > _BUSY_SHARE * self.cores
        # Meanwhile its core ran others, or its process's other threads and children, which spread over all cores.
        ran_seconds = self.wall_seconds - self.waiting_seconds
        own = max(0.0, self.cpu_seconds - ran_seconds) / max(1, self.cores)
        return self._share(self.waiting_seconds * others / (others + own)) > _DISTURBED_SHARE

    @property
    def _steal_share(self) -> float:
        """The stolen share of the CPU time that all processes asked for; idle cores are stolen from no one."""
        wanted = self.cpu_seconds + self.other_cpu_seconds + self.steal_seconds
        return self.steal_seconds / wanted if wanted else 0.0

    def _share(self, seconds: float) -> float:
        """Return the seconds as a share of the region's length."""
        return seconds / self.wall_seconds if self.wall_seconds > 0 else math.inf if seconds else 0.0


def was_disturbed(region: Disturbance | None) -> TypeGuard[Disturbance]:
    """Return whether a region is known to be disturbed; one without a measurement is None."""
    return region is not None and region.is_disturbed


def causes_of(regions: Iterable[Disturbance]) -> tuple[str, ...]:
    """Return the causes of disturbance of several regions, in words; each with its strongest figure."""
    by_kind: dict[_Kind, list[Disturbance]] = {}
    for region in regions:
        for kind in region._kinds:
            by_kind.setdefault(kind, []).append(region)
    return tuple(_cause(kind, by_kind[kind]) for kind in get_args(_Kind) if kind in by_kind)


def _cause(kind: _Kind, regions: list[Disturbance]) -> str:
    """Return a cause in words, with its strongest figure."""
    match kind:
        case "processes":
            return f"other processes used {max(one._share(one.other_cpu_seconds) for one in regions):.1f} cores"
        case "steal":
            return f"other virtual machines took {max(one._steal_share for one in regions):.0%} of the CPU time"
        case "gpu_processes":
            count = max(one.gpu_processes or 0 for one in regions)
            return f"{count} other process{'es' * (count > 1)} on the GPU"
        case "gpu_throttled":
            return "the GPU was throttled"
        case "stopped":
            return f"the process was stopped for {duration(max(one.stopped_seconds for one in regions))}"
        case "slept":
            return f"the machine slept for {duration(max(one.slept_seconds for one in regions))}"
