"""Mean and standard deviation of 8-bit images, equal on every machine."""

import math

import torch
from torch import Tensor

from harness.data.images import Pixels

_BLOCK_IMAGES = 1024  # counted at a time: images can be mapped from a file larger than the memory
_DIGITS = 4
_LEVELS = 256


def mean_and_std(pixels: Pixels) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return each channel's mean and standard deviation over all pixels scaled to 0…1, to four decimals.

    The sums are of whole numbers and exact, so the order of images and the device do not matter. A channel whose pixels
    are all equal has the deviation 1.
    """
    counts = _counts(pixels)  # (C, 256)
    statistics = [_of_channel([int(count) for count in channel]) for channel in counts.tolist()]
    return tuple(mean for mean, _ in statistics), tuple(std for _, std in statistics)


def _counts(pixels: Pixels) -> Tensor:
    """Return how many pixels of each channel have each level, int64, (C, 256)."""
    blocks = torch.split(pixels, _BLOCK_IMAGES) if isinstance(pixels, Tensor) else (image[None] for image in pixels)
    counts = torch.zeros((), dtype=torch.int64)
    for block in blocks:
        channels = [torch.bincount(channel.reshape(-1), minlength=_LEVELS) for channel in block.unbind(1)]
        counts = counts + torch.stack(channels)
    return counts


def _of_channel(counts: list[int]) -> tuple[float, float]:
    number = sum(counts)
    total = sum(level * count for level, count in enumerate(counts))
    squares = sum(level**2 * count for level, count in enumerate(counts))
    variance = number * squares - total**2  # of levels, times number²
    most = _LEVELS - 1
    return round(total / (number * most), _DIGITS), round(math.sqrt(variance) / (number * most), _DIGITS) or 1.0
