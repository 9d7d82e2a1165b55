"""The machine's peak convolution speed, to which training speed is compared."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from harness.hardware.device import autocast, computing_at, wait_for_device
from harness.results.disturbance import Disturbance
from harness.throughput.repetition import Repetition, metered

# batch, channels, side: 3×3 convolutions large enough to keep a device busy.
_SHAPES = {
    "cpu": ((32, 64, 56), (32, 128, 28), (16, 256, 28)),
    "cuda": ((256, 128, 56), (256, 256, 28), (256, 512, 28)),
    "mps": ((64, 128, 28), (64, 256, 28)),
}
_WARM_UPS, _TIMED = 2, 5


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
    """Return the peak over a few large forward convolutions, measured once in a process.

    It is measured again if it was disturbed, or if it is below a speed that the device has reached since then.

    Args:
        at_least: the highest speed that the device has reached, in floating-point operations per second.
    """
    known = _PEAKS.get((device, precision))
    if known is None or known.disturbance.is_disturbed or known.flops_per_second < at_least:
        measured = Repetition(notify).measure(
            "convolution peak", lambda: _measure(device, precision), lambda peak: [peak.disturbance]
        )
        found = [measured] if known is None else [known, measured]
        known = max(found, key=lambda peak: (not peak.disturbance.is_disturbed, peak.flops_per_second))
        _PEAKS[device, precision] = known
    return known


def _measure(device: torch.device, precision: str) -> Peak:
    shapes = _SHAPES[device.type]
    return Peak(*metered(device, lambda: max(_operations_per_second(device, precision, *shape) for shape in shapes)))


@torch.inference_mode()
def _operations_per_second(device: torch.device, precision: str, batch: int, channels: int, side: int) -> float:
    last = torch.channels_last
    images = torch.randn(batch, channels, side, side, device=device).contiguous(memory_format=last)
    weight = torch.randn(channels, channels, 3, 3, device=device).contiguous(memory_format=last)
    best = float("inf")
    with computing_at(precision), autocast(precision, device):
        for _ in range(_WARM_UPS + _TIMED):
            wait_for_device(device)
            started = time.perf_counter()
            functional.conv2d(images, weight, padding=1)
            wait_for_device(device)
            best = min(best, time.perf_counter() - started)
    return 2 * batch * channels * channels * 9 * side * side / best
