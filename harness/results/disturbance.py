"""The disturbance of a timed region by other work, and the limit from which it counts. Needs no torch.

A region is disturbed if other work took more than a twentieth of its time: that lengthens it by about as much. The
limit was measured on two cores: undisturbed epochs waited for a core for 0 to 2 % of their time.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

_DISTURBED_SHARE = 0.05
_BUSY_SHARE = 0.9  # of all cores, where the system does not report the time that threads wait

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class Disturbance:
    """The use of the machine by a process and by others while a region was timed.

    Attributes:
        wall_seconds: the region's length.
        threads: the threads that the process computes with.
        cores: the cores that the process may run on.
        cpu_seconds: the CPU time of the process and its child processes.
        other_cpu_seconds: the CPU time of all other processes on these cores.
        involuntary_switches: the times that a thread of the process lost its core to another thread.
        waiting_seconds: the time that threads of the process waited for a core, summed; None except on Linux.
        pressure_seconds: the time in which any thread of the machine waited for a core; None except on Linux.
        steal_seconds: the time that other virtual machines took from these cores.
        gpu_processes: other processes on the GPU at the region's end; None on a CPU, or if the driver hides it.
        gpu_clock_share: the GPU's clock at the region's end as a share of its highest; None likewise.
        gpu_throttled: True if heat or power supply slowed the GPU down at the region's end; None likewise.
    """

    wall_seconds: _Seconds
    threads: _Count
    cores: _Count
    cpu_seconds: _Seconds
    other_cpu_seconds: _Seconds
    involuntary_switches: _Count
    waiting_seconds: _Seconds | None = None
    pressure_seconds: _Seconds | None = None
    steal_seconds: _Seconds = 0.0
    gpu_processes: _Count | None = None
    gpu_clock_share: _Seconds | None = None
    gpu_throttled: bool | None = None

    @property
    def cpu_share(self) -> float:
        """CPU time of the process over wall time × threads; above 1 with busy child processes."""
        return self._share(self.cpu_seconds) / max(1, self.threads)

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes of disturbance, in words; empty without any."""
        found = {
            f"other processes used {self._share(self.other_cpu_seconds):.1f} cores": self._was_kept_waiting,
            f"other virtual machines took {self._share(self.steal_seconds) / max(1, self.cores):.0%} of the time": (
                self._share(self.steal_seconds) > _DISTURBED_SHARE
            ),
            f"{self.gpu_processes} other processes on the GPU": bool(self.gpu_processes),
            "the GPU was throttled": bool(self.gpu_throttled),
        }
        return tuple(cause for cause, is_one in found.items() if is_one)

    @property
    def is_disturbed(self) -> bool:
        return bool(self.causes)

    @property
    def _was_kept_waiting(self) -> bool:
        """True if other processes kept this one waiting; its own threads may also keep each other waiting."""
        if self._share(self.other_cpu_seconds) <= _DISTURBED_SHARE:
            return False
        waited = self.waiting_seconds if self.waiting_seconds is not None else self.pressure_seconds
        if waited is not None:
            return self._share(waited) > _DISTURBED_SHARE
        return self._share(self.cpu_seconds + self.other_cpu_seconds) > _BUSY_SHARE * self.cores

    def _share(self, seconds: float) -> float:
        """Return the seconds as a share of the region's length."""
        return seconds / self.wall_seconds if self.wall_seconds > 0 else math.inf if seconds else 0.0
