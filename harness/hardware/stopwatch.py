"""How long parts of the work take, with the device synchronised."""

import contextlib
import time
from collections.abc import Iterator

import torch

from harness.hardware.device import synchronise


class Stopwatch:
    """Seconds by part, on a monotonic clock, with the device synchronised at both ends of every part."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._started = self._now()
        self.seconds: dict[str, float] = {}

    def _now(self) -> float:
        synchronise(self._device)
        return time.perf_counter()

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add what runs inside to the part of that name."""
        started = self._now()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._now() - started

    def total(self) -> float:
        """Seconds since it was made, whatever the parts come to."""
        return self._now() - self._started
