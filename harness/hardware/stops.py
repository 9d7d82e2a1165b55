"""The time in which a process was stopped, and the time in which the machine slept.

A process is stopped by SIGSTOP or Ctrl-Z, by a frozen container and by a paused virtual machine. The system counts
none of these, so a thread with a heartbeat notices them: it cannot beat meanwhile.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.hardware import linux_counters

_BEAT_SECONDS = 0.1  # a beat takes about 60 µs: 0.06 % of a core
_LATE_SECONDS = 0.1  # Python's interpreter lock delays a beat by less, unless a computation keeps it
_SLEEP_CLOCKS = (  # one that counts while the machine sleeps, and one that does not
    ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"),  # Linux
    ("CLOCK_MONOTONIC_RAW", "CLOCK_UPTIME_RAW"),  # macOS; Linux lacks the second
)


class Heartbeat:
    """A heartbeat, and the time by which its beats were late.

    Args:
        now: a clock in seconds, as `time.perf_counter`.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now, self._waited = now, 0.0
        self._state = now(), 0.0  # the last beat and the missed seconds: one value, since two threads use it

    def beat(self, waited: float = 0.0) -> None:
        """Add the time by which this beat is late.

        Args:
            waited: the time so far in which the beating thread waited for a core: such beats are not late.
        """
        missed = self._missed_seconds(waited - self._waited)
        self._state, self._waited = (self._now(), missed), waited

    def missed_seconds(self) -> float:
        """Return the time by which all beats were late, with the one that is due now."""
        return self._missed_seconds(0.0)

    def _missed_seconds(self, waited: float) -> float:
        last_beat, missed = self._state
        late = self._now() - last_beat - _BEAT_SECONDS - waited
        return missed + late if late > _LATE_SECONDS else missed


class _Heart:
    """This process's heartbeat, in a thread that is started in first use; a forked process starts its own."""

    def __init__(self) -> None:
        self._heartbeat, self._thread = Heartbeat(), threading.Thread()

    def missed_seconds(self) -> float:
        if not self._thread.is_alive():
            self._heartbeat = Heartbeat()
            self._thread = threading.Thread(target=_beat, args=(self._heartbeat,), name="heartbeat", daemon=True)
            self._thread.start()
        return self._heartbeat.missed_seconds()


def _beat(heartbeat: Heartbeat) -> None:
    with linux_counters.waiting_clock() as waited:
        while True:
            time.sleep(_BEAT_SECONDS)
            heartbeat.beat(waited())


_HEART = _Heart()


@dataclass(frozen=True)
class Stops:
    """The time in which a process was stopped, and in which its machine slept."""

    stopped_seconds: float
    slept_seconds: float


class StopMeter:
    """The stops of this process since this object was made, for the thread that made it."""

    def __init__(self) -> None:
        self._begin = _Clocks.now()

    def reading(self) -> Stops:
        """Return the stops so far.

        The process was not stopped, whatever its heartbeat, while this thread computed or waited for a core: it may
        have kept Python's interpreter lock.
        """
        begin, end = self._begin, _Clocks.now()
        idle = end.time - begin.time - (end.active - begin.active)
        return Stops(max(0.0, min(end.missed - begin.missed, idle)), max(0.0, end.slept - begin.slept))


@dataclass(frozen=True)
class _Clocks:
    """Clocks in seconds.

    Attributes:
        active: the time in which the calling thread computed or waited for a core.
        missed: the time without a heartbeat.
        slept: the time in which the machine slept.
    """

    time: float
    active: float
    missed: float
    slept: float

    @classmethod
    def now(cls) -> "_Clocks":
        with linux_counters.waiting_clock() as waited:
            active = time.thread_time() + waited()
        return cls(time.perf_counter(), active, _HEART.missed_seconds(), _slept_seconds())


def _slept_seconds() -> float:
    """Return the time since the machine's start in which it slept; 0 if the system does not count it."""
    for counting, pausing in _SLEEP_CLOCKS:
        if hasattr(time, counting) and hasattr(time, pausing):
            slept = time.clock_gettime(getattr(time, counting)) - time.clock_gettime(getattr(time, pausing))
            return round(slept, 3)  # the clocks are read one after the other
    return 0.0
