"""Chunks of images on the device that augments them.

Images that do not fit on a GPU are streamed to it: each chunk is copied while the chunk before is trained.
"""

import functools
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from harness.data.images import ImageSet
from harness.models.foreign import raised


@dataclass(frozen=True)
class _UnderWay:
    """A chunk on its way to the GPU."""

    source: ImageSet
    index: Tensor
    chunk: ImageSet

    def is_of(self, images: ImageSet, index: Tensor) -> bool:
        return self.source is images and torch.equal(self.index, index)


class ImageStream:
    """Chunks of images on the augmenting device: copied to a GPU from pinned memory, on an own stream.

    One chunk at a time is under way, so that the memory used stays bounded, also for images mapped from a large file.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = augmentation_device(device)
        self._under_way: _UnderWay | None = None
        self._why_not_pinned: str | None = None

    @functools.cached_property
    def _stream(self) -> Any:
        return torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    def why_not_pinned(self, images: ImageSet) -> str | None:
        """Return why images that are streamed cannot be pinned, which makes their copies slower, or None."""
        if len(images) and self._is_streamed(images):
            self._gathered(images, torch.zeros(1, dtype=torch.int64))
        return self._why_not_pinned

    def start(self, images: ImageSet, index: Tensor) -> None:
        """Start to copy streamed images at these positions, in this order; do not wait for the GPU."""
        if not len(index) or not self._is_streamed(images):
            return
        chunk = self._gathered(images, index)
        with torch.cuda.stream(self._stream):
            pixels = chunk.pixels
            if isinstance(pixels, Tensor):
                sent = ImageSet(self._sent(pixels), self._sent(chunk.labels))
            else:
                sent = ImageSet(replace(pixels, buffer=self._sent(pixels.buffer)), self._sent(chunk.labels))
        self._under_way = _UnderWay(images, index, sent)

    def take(self, images: ImageSet, index: Tensor) -> ImageSet:
        """Return the images at these positions, in this order: the chunk under way, if it has these."""
        if not self._is_streamed(images):
            return images.select(index).to(self._device)
        if self._under_way is None or not self._under_way.is_of(images, index):
            self.start(images, index)
        assert self._under_way is not None, "the chunk was started"
        chunk, self._under_way = self._under_way.chunk, None
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        for tensor in (chunk.pixels if isinstance(chunk.pixels, Tensor) else chunk.pixels.buffer, chunk.labels):
            tensor.record_stream(current)  # its memory belongs to the other stream, which may otherwise reuse it
        return chunk

    def between(self, images: ImageSet, start: int, end: int) -> ImageSet:
        """Return the images from one position to before another, as `take` does."""
        if self._is_streamed(images):
            return self.take(images, torch.arange(start, end))
        return images.between(start, end).to(self._device)

    def _is_streamed(self, images: ImageSet) -> bool:
        return self._device.type == "cuda" and images.labels.device.type == "cpu"

    def _gathered(self, images: ImageSet, index: Tensor) -> ImageSet:
        if self._why_not_pinned is None:
            try:
                return images.gathered(index, pinned=True)
            except RuntimeError as error:
                self._why_not_pinned = raised(error)
        return images.gathered(index)

    def _sent(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device, non_blocking=True)


def augmentation_device(device: torch.device) -> torch.device:
    """Return the device that augments images: the given one, or the CPU for MPS, which lacks float64."""
    return torch.device("cpu") if device.type == "mps" else device
