"""Sums over the pixels of a dataset, from which its mean and deviation follow exactly."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

_DIGITS = 4


@dataclass(frozen=True)
class ChannelSums:
    """Sums of 8-bit pixels, by channel.

    Attributes:
        count: the number of pixels of each channel.
        values, squares: sums of the pixels' values, 0 to 255, and of their squares.
    """

    count: int
    values: tuple[int, ...]
    squares: tuple[int, ...]

    @classmethod
    def of(cls, blocks: Iterable[Tensor]) -> Self:
        """Sum up images, each block uint8, (C, H, W) or (N, C, H, W).

        Raises:
            ValueError: there are no images.
        """
        count, sums = 0, torch.zeros(2, 1, dtype=torch.int64)
        for block in blocks:
            planes = block.flatten(-2).double()  # exact: a plane's sum of squares has less than 53 bits
            values, squares = planes.sum(-1), planes.square_().sum(-1)
            sums = sums + torch.stack([values, squares]).long().reshape(2, -1, block.shape[-3]).sum(1)
            count += planes.shape[-1] * (len(block) if block.ndim == 4 else 1)
        if not count:
            raise ValueError("there are no images to sum up")
        return cls(count, tuple(sums[0].tolist()), tuple(sums[1].tolist()))

    @property
    def mean(self) -> tuple[float, ...]:
        """The mean of each channel, of values from 0 to 1."""
        return tuple(value / (255 * self.count) for value in self.values)

    @property
    def std(self) -> tuple[float, ...]:
        """The standard deviation of each channel, of values from 0 to 1."""
        scaled = (self.count * square - value**2 for value, square in zip(self.values, self.squares, strict=True))
        return tuple(float(one) ** 0.5 / (255 * self.count) for one in scaled)

    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return each channel's mean and deviation, of values from 0 to 1, to four decimals.

        The sums are of whole numbers and exact, so the order of images and the device do not matter. A channel whose
        pixels are all equal has the deviation 1.
        """
        return tuple(round(one, _DIGITS) for one in self.mean), tuple(round(one, _DIGITS) or 1.0 for one in self.std)
