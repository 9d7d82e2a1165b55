"""The machine's peak convolution speed, to which training speed is compared."""

import functools
import time

import torch
from torch.nn import functional

from harness.hardware.device import autocast, computing_at, wait_for_device

# batch, channels, side: 3×3 convolutions large enough to keep a device busy.
_SHAPES = {
    "cpu": ((32, 64, 56), (32, 128, 28), (16, 256, 28)),
    "cuda": ((256, 128, 56), (256, 256, 28), (256, 512, 28)),
    "mps": ((64, 128, 28), (64, 256, 28)),
}
_WARM_UPS, _TIMED = 2, 5


@functools.cache
def convolution_peak(device: torch.device, precision: str) -> float:
    """Return floating-point operations per second of the fastest of a few large forward convolutions."""
    return max(_operations_per_second(device, precision, *shape) for shape in _SHAPES[device.type])


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
