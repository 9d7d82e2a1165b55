"""Timing of the parts of a computation, with the device synchronised."""

import contextlib
import time
from collections.abc import Iterator

import torch

from harness.hardware.device import wait_for_device


class Stopwatch:
    """Seconds by part, on a monotonic clock; both ends of a part wait for the device.

    Attributes:
        seconds: the seconds of each part so far, by name.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._started = self._now()
        self.seconds: dict[str, float] = {}

    def _now(self) -> float:
        wait_for_device(self._device)
        return time.perf_counter()

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time the body and add its seconds to the part of that name."""
        started = self._now()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._now() - started

    def total(self) -> float:
        """Return the seconds since the stopwatch was made, inside parts or not."""
        return self._now() - self._started
