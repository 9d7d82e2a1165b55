"""Repetition of disturbed measurements: at most three times each, and for a limited time in all."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

from harness.hardware.disturbance_meter import DisturbanceMeter
from harness.results.disturbance import Disturbance
from harness.text import listed
from harness.throughput.rounds import strongest

_Value = TypeVar("_Value")
_MAX_REPETITIONS = 3  # work that disturbs four tries in a row is likely to disturb a fifth
# The longest time of all repetitions.
MEASUREMENT_SECONDS = 60.0  # `-k throughput` takes minutes, and a round of a large network a minute on two cores
PLAN_SECONDS = 20.0  # the user waits for `plan`
SESSION_SECONDS = 10.0  # under a time budget, the session's trainings wait for the estimate


def metered(device: torch.device, work: Callable[[], _Value]) -> tuple[_Value, Disturbance]:
    """Run the work; return its value with its disturbance."""
    meter = DisturbanceMeter(device)
    value = work()
    return value, meter.reading()


class Repetition:
    """The repetition of one measurement's regions while they are disturbed."""

    def __init__(
        self,
        notify: Callable[[str], None] = lambda _: None,
        *,
        max_seconds: float = MEASUREMENT_SECONDS,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Start without any repetition.

        Args:
            notify: callback that receives a line about each disturbed region.
            max_seconds: no repetition starts after repetitions have taken this time in all.
        """
        self._notify, self._seconds_left, self._now = notify, max_seconds, now

    def measure(
        self,
        name: str,
        work: Callable[[], _Value],
        disturbances: Callable[[_Value], Iterable[Disturbance | None]],
    ) -> _Value:
        """Run the work until it is undisturbed, within the bounds, and return its value.

        If every run was disturbed, the value is that of the least disturbed one.

        Args:
            name: the region's name in notifications.
            disturbances: function from a value to the disturbances of its parts.
        """
        tried: list[tuple[tuple[int, bool, float], _Value]] = []
        while True:
            started = self._now()
            value = work()
            self._seconds_left -= (self._now() - started) * bool(tried)
            disturbance = strongest(disturbances(value))
            if disturbance is None:
                return value
            tried.append((disturbance.severity, value))
            is_last = len(tried) > _MAX_REPETITIONS or self._seconds_left <= 0
            outcome = "kept, marked as disturbed" if is_last else "measured again"
            self._notify(f"{name} disturbed ({listed(disturbance.causes)}): {outcome}")
            if is_last:
                return min(tried, key=lambda one: one[0])[1]
