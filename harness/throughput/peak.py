"""The machine's peak convolution speed, to which training speed is compared."""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional

from harness.hardware.device import computing_at, wait_for_device
from harness.results.disturbance import Disturbance
from harness.throughput.repetition import Repetition, metered


class Shape(NamedTuple):
    """A convolution with as many input as output channels; ``side`` of its maps and ``kernel`` in pixels."""

    batch: int
    channels: int
    side: int
    kernel: int

    @property
    def operations(self) -> int:
        """Its floating-point operations, 2 per multiply-accumulate."""
        return 2 * self.batch * (self.channels * self.kernel * self.side) ** 2


@dataclass(frozen=True)
class _Search:
    """The convolutions to try on a kind of device: all combinations within the bounds of operations.

    Attributes:
        calls: convolutions per timing, queued one after the other.
    """

    batches: Sequence[int]
    channels: Sequence[int]
    sides: Sequence[int]
    operations: tuple[float, float]
    calls: int

    def shapes(self) -> list[Shape]:
        """Return them, from the middle of the bounds outwards: a slow device tries only the first."""
        all_shapes = itertools.starmap(Shape, itertools.product(self.batches, self.channels, self.sides, (3, 1)))
        least, most = self.operations
        bounded = (shape for shape in all_shapes if least <= shape.operations <= most)
        return sorted(bounded, key=lambda shape: abs(math.log(shape.operations**2 / (least * most))))


# A CPU is fastest on maps of 7×7 to 16×16 that stay in its cache, a GPU on work that fills all of its processors and
# hides the launches.
_SEARCHES = {
    "cpu": _Search((16, 32, 128), (32, 64, 128, 256, 512), (7, 8, 14, 16, 28), (1e8, 4e9), calls=1),
    "cuda": _Search((32, 128), (64, 128, 256, 512, 1024), (7, 14, 28, 56), (1e10, 6e11), calls=10),
    "mps": _Search((64,), (64, 128, 256, 512), (7, 14, 28), (1e9, 6e10), calls=10),
}
_SEARCH_SECONDS = 5.0  # two on an undisturbed CPU of 270 GFLOP/s
_REPETITION_SECONDS = 10.0  # of disturbed searches, each time
_LOOKS = 2  # timings of every shape
_FINALISTS, _FINAL_TIMINGS = 4, 20
_FINAL_SECONDS = 2.0  # of the finalists; one on an undisturbed CPU of 270 GFLOP/s


@dataclass(frozen=True)
class Peak:
    """The speed of the fastest convolution, in floating-point operations per second, and its disturbance."""

    flops_per_second: float
    disturbance: Disturbance


_PEAKS: dict[tuple[torch.device, str], Peak] = {}  # the best of this process; a peak is a maximum


def convolution_peak(
    device: torch.device,
    precision: str,
    *,
    at_least: float = 0.0,
    notify: Callable[[str], None] = lambda _: None,
) -> Peak:
    """Return the peak of forward convolutions at a precision, searched for once in a process.

    A search takes about seven seconds, and at most the timing of two shapes longer. It is repeated if it was disturbed,
    or if its peak is below a speed that the device has reached since then.

    Args:
        at_least: the highest speed that the device has reached, in floating-point operations per second.
    """
    known = _PEAKS.get((device, precision))
    if known is None or known.disturbance.is_disturbed or known.flops_per_second < at_least:
        measured = Repetition(notify, max_seconds=_REPETITION_SECONDS).measure(
            f"{precision} convolution peak", lambda: _measure(device, precision), lambda peak: [peak.disturbance]
        )
        found = [measured] if known is None else [known, measured]
        known = max(found, key=lambda peak: (not peak.disturbance.is_disturbed, peak.flops_per_second))
        _PEAKS[device, precision] = known
    return known


def _measure(device: torch.device, precision: str) -> Peak:
    return Peak(*metered(device, lambda: _search(device, precision)))


def _search(device: torch.device, precision: str) -> float:
    """Return the speed of the fastest convolution; the fastest few are timed more often than the rest."""
    ends, found = time.perf_counter() + _SEARCH_SECONDS, dict[Shape, float]()
    for shape in _SEARCHES[device.type].shapes():
        found[shape] = operations_per_second(device, precision, shape, _LOOKS)
        if time.perf_counter() > ends:
            break
    ends = time.perf_counter() + _FINAL_SECONDS
    for shape in sorted(found, key=lambda shape: -found[shape])[:_FINALISTS]:
        found[shape] = max(found[shape], operations_per_second(device, precision, shape, _FINAL_TIMINGS, ends))
        if time.perf_counter() > ends:
            break
    return max(found.values())


@torch.inference_mode()
def operations_per_second(
    device: torch.device, precision: str, shape: Shape, timings: int, ends: float = math.inf
) -> float:
    """Return the speed of a convolution: the fastest of some timings after a warm-up.

    No timing but the first starts after ``ends``, as `time.perf_counter` counts.

    Its inputs have the precision's type from the start, so that no timing includes a cast.
    """
    calls = _SEARCHES[device.type].calls
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    images, weight = (
        torch.randn(*sizes, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
        for sizes in (
            (shape.batch, shape.channels, shape.side, shape.side),
            (shape.channels, shape.channels, shape.kernel, shape.kernel),
        )
    )
    seconds = []
    with computing_at(precision):
        for _ in range(1 + timings):
            wait_for_device(device)
            started = time.perf_counter()
            for _ in range(calls):
                functional.conv2d(images, weight, padding=shape.kernel // 2)
            wait_for_device(device)
            seconds.append(time.perf_counter() - started)
            if len(seconds) > 1 and started > ends:
                break
    return calls * shape.operations / min(seconds[1:])
