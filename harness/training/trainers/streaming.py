"""Images that do not fit on a GPU: each chunk is copied to it while the chunk before is trained."""

from dataclasses import dataclass, replace

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
    """Chunks of images, copied to a GPU from pinned memory, on a stream of their own.

    One chunk at a time is under way, so that the memory used stays bounded, also for images mapped from a large file.

    Attributes:
        why_not_pinned: why memory cannot be pinned, if so; the copies are then slower.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._under_way: _UnderWay | None = None
        self.why_not_pinned: str | None = None
        try:
            torch.empty(1, pin_memory=True)
        except RuntimeError as error:
            self.why_not_pinned = raised(error)

    def start(self, images: ImageSet, index: Tensor) -> None:
        """Start to copy the images at these positions, in this order; do not wait for the GPU."""
        chunk = self._gathered(images, index)
        with torch.cuda.stream(self._stream):
            pixels = chunk.pixels
            if isinstance(pixels, Tensor):
                sent = ImageSet(self._sent(pixels), self._sent(chunk.labels))
            else:
                sent = ImageSet(replace(pixels, buffer=self._sent(pixels.buffer)), self._sent(chunk.labels))
        self._under_way = _UnderWay(images, index, sent)

    def take(self, images: ImageSet, index: Tensor) -> ImageSet:
        """Return the images at these positions on the GPU, in this order.

        They are the chunk under way, if that is of these, else a new one.
        """
        if self._under_way is None or not self._under_way.is_of(images, index):
            self.start(images, index)
        assert self._under_way is not None, "the chunk was started"
        chunk, self._under_way = self._under_way.chunk, None
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        for tensor in (chunk.pixels if isinstance(chunk.pixels, Tensor) else chunk.pixels.buffer, chunk.labels):
            tensor.record_stream(current)  # its memory belongs to the other stream, which may otherwise reuse it
        return chunk

    def _gathered(self, images: ImageSet, index: Tensor) -> ImageSet:
        if self.why_not_pinned is None:
            try:
                return images.gathered(index, pinned=True)
            except RuntimeError as error:
                self.why_not_pinned = raised(error)
        return images.gathered(index)

    def _sent(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device, non_blocking=True)
