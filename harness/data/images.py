"""Images in memory: 8-bit tensors with their labels."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Recipe
from harness.data.channel_sums import ChannelSums
from harness.data.mapped_pages import MappedPages
from harness.data.pixel_operations import to_device

_SOURCE_SIZE = 32  # of random images for a dataset whose images differ in size
_BLOCK_BYTES = 2**20  # of pixels that are copied or summed up at a time


@dataclass(frozen=True)
class PackedPixels:
    """The pixels of N images of different sizes, one after the other in a single buffer.

    Attributes:
        buffer: uint8, (total bytes,); the bytes of each image are contiguous, channel by channel, row by row.
        offsets: int64, (N,), position of each image's first byte.
        heights: int64, (N,), in pixels.
        widths: int64, (N,), in pixels.
        channels: channels of every image.
    """

    # Only the buffer moves to a GPU. Offsets and sizes are needed on the host, to group images by size and to give a
    # view of one without waiting for the GPU.
    buffer: Tensor
    offsets: Tensor
    heights: Tensor
    widths: Tensor
    channels: int

    @classmethod
    def from_images(cls, images: Sequence[Tensor]) -> "PackedPixels":
        """Pack a copy of the images, each uint8, (C, H, W), all on one device.

        Raises:
            ValueError: an image is not 8-bit, or the numbers of channels differ.
        """
        if any(image.dtype != torch.uint8 or image.shape[0] != images[0].shape[0] for image in images):
            raise ValueError("only 8-bit images with the same number of channels can be packed together")
        nothing = torch.empty(0, dtype=torch.uint8, device=images[0].device if images else None)
        buffer = torch.cat([nothing, *(image.reshape(-1) for image in images)])  # cat refuses an empty list
        return cls.from_buffer(buffer, [image.shape for image in images], images[0].shape[0] if images else 0)

    @classmethod
    def from_buffer(cls, buffer: Tensor, shapes: Sequence[Sequence[int]], channels: int) -> "PackedPixels":
        """Pack images that lie in a buffer already, one after the other, each of its (C, H, W): no copy."""
        sizes = torch.tensor(shapes, dtype=torch.int64).reshape(-1, 3)
        ends = sizes.prod(1).cumsum(0)
        return cls(buffer, ends - sizes.prod(1), sizes[:, 1], sizes[:, 2], channels)

    @classmethod
    def from_batch(cls, images: Tensor) -> "PackedPixels":
        """Pack images of one size, uint8, (N, C, H, W): a view if they are contiguous in memory."""
        count, channels, height, width = images.shape
        offsets = torch.arange(count) * (channels * height * width)
        return cls(images.reshape(-1), offsets, torch.full((count,), height), torch.full((count,), width), channels)

    @property
    def device(self) -> torch.device:
        return self.buffer.device

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, position: int) -> Tensor:
        """Return one image, (C, H, W), a view of the buffer."""
        start, height, width = (int(values[position]) for values in (self.offsets, self.heights, self.widths))
        return self.buffer[start : start + self.channels * height * width].view(self.channels, height, width)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[position] for position in range(len(self)))

    def select(self, index: Tensor) -> "PackedPixels":
        """Return the images at these positions, in this order; they share the buffer, no pixel is copied."""
        index = index.to(self.offsets.device)
        return replace(self, offsets=self.offsets[index], heights=self.heights[index], widths=self.widths[index])

    def to(self, device: torch.device) -> "PackedPixels":
        """Return the images with their pixels on ``device``; copy only the bytes of selected images."""
        if self.device == device:
            return self
        if self.own_bytes >= len(self.buffer):
            return replace(self, buffer=self.buffer.to(device))
        return self.gathered(torch.empty(self.own_bytes, dtype=torch.uint8, device=device))

    @property
    def own_bytes(self) -> int:
        """The number of bytes of these images, which may share the buffer with others."""
        return int((self.channels * self.heights * self.widths).sum())

    def gathered(self, buffer: Tensor) -> "PackedPixels":
        """Return the images with their pixels copied into a buffer of `own_bytes` bytes."""
        sizes = self.channels * self.heights * self.widths
        per_block = max(1, _BLOCK_BYTES * len(self) // max(1, len(buffer)))
        filled = 0
        for part in torch.split(torch.arange(len(self)), per_block):  # never all of them in memory
            block = PackedPixels.from_images([self[position] for position in part.tolist()]).buffer
            buffer[filled : filled + len(block)] = block
            filled += len(block)
        return replace(self, buffer=buffer, offsets=sizes.cumsum(0) - sizes)


Pixels = Tensor | PackedPixels


@dataclass(frozen=True)
class ImageSet:
    """N images with their labels.

    Attributes:
        pixels: uint8, (N, C, H, W), or packed if sizes differ; iterating over either yields each image, (C, H, W).
            Those of a cache are mapped from its file and read-only: to write to them, clone them.
        labels: int64, (N,).
        tracks: one name per image; images of one name show the same object and must stay together when a validation
            set is split off. None if there are no tracks.
        positions: int64, (N,), of a `view`: image k is ``pixels[positions[k]]``. None: it is ``pixels[k]``.
        sums: the sums of all pixels if they are known, see `harness.data.channel_sums`.
        pages: the pages of a cache's file that the pixels lie in; None for pixels in memory.
    """

    pixels: Pixels
    labels: Tensor
    tracks: tuple[str, ...] | None = None
    positions: Tensor | None = None
    sums: ChannelSums | None = None
    pages: MappedPages | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def nbytes(self) -> int:
        """The number of bytes of the pixels."""
        if not isinstance(self.pixels, Tensor):
            return self.pixels.buffer.nbytes
        return len(self) * self.pixels[0].nbytes if len(self) else 0

    def select(self, index: Tensor) -> "ImageSet":
        """Return the images at these positions, in this order; an index on the CPU avoids waiting for a GPU."""
        self.read_ahead(index)
        placed = to_device(index, self.labels.device)
        source = placed if self.positions is None else self.positions[placed]
        pixels = self.pixels[source] if isinstance(self.pixels, Tensor) else self.pixels.select(index)
        return ImageSet(pixels, self.labels[placed], self._tracks_at(index))

    def between(self, start: int, end: int) -> "ImageSet":
        """Return the images from one position to before another; their pixels are copied only out of a `view`."""
        index = torch.arange(start, end)
        if self.positions is not None:
            return self.select(index)
        self.read_ahead(index)
        pixels = self.pixels[start:end] if isinstance(self.pixels, Tensor) else self.pixels.select(index)
        return ImageSet(pixels, self.labels[start:end], self._tracks_at(index))

    def gathered(self, index: Tensor, *, pinned: bool = False) -> "ImageSet":
        """Return a copy of images on the CPU, those at these positions alone, in this order, without tracks.

        Args:
            pinned: copy into pinned memory, from which a GPU copies while the host does other things.

        Raises:
            RuntimeError: no more memory can be pinned.
        """
        self.read_ahead(index)
        labels = torch.empty(len(index), dtype=torch.int64, pin_memory=pinned)
        torch.index_select(self.labels, 0, index, out=labels)
        if isinstance(self.pixels, Tensor):
            source = index if self.positions is None else self.positions[index]
            pixels = torch.empty(len(index), *self.pixels.shape[1:], dtype=torch.uint8, pin_memory=pinned)
            return ImageSet(torch.index_select(self.pixels, 0, source, out=pixels), labels)
        chosen = self.pixels.select(index)
        buffer = torch.empty(chosen.own_bytes, dtype=torch.uint8, pin_memory=pinned)
        return ImageSet(chosen.gathered(buffer), labels)

    def view(self, index: Tensor) -> "ImageSet":
        """Return the images at these positions without a copy of their pixels.

        Args:
            index: the positions, on the labels' device.
        """
        labels, tracks = self.labels[index], self._tracks_at(index)
        if not isinstance(self.pixels, Tensor):
            return ImageSet(self.pixels.select(index), labels, tracks, pages=self.pages)
        positions = index if self.positions is None else self.positions[index]
        return ImageSet(self.pixels, labels, tracks, positions, pages=self.pages)

    def read_ahead(self, index: Tensor) -> None:
        """Start to read the images at these positions from the disk if they are mapped; do not wait for them."""
        if self.pages is None:
            return
        if isinstance(self.pixels, Tensor):
            size = self.pixels[0].nbytes
            source = index if self.positions is None else self.positions[index]
            self.pages.read_ahead((position * size, size) for position in source.tolist())
        else:
            sizes = self.pixels.channels * self.pixels.heights[index] * self.pixels.widths[index]
            self.pages.read_ahead(zip(self.pixels.offsets[index].tolist(), sizes.tolist(), strict=True))

    def to(self, device: torch.device) -> "ImageSet":
        """Return the images with pixels and labels on ``device``; copy nothing that is there."""
        is_view = isinstance(self.pixels, Tensor) and (self.positions is not None or self.pages is not None)
        if not is_view or self.labels.device == device:
            if self.labels.device == device:
                return self
            self.read_ahead(torch.arange(len(self)))
            return replace(self, pixels=self.pixels.to(device), labels=self.labels.to(device), pages=None)
        pixels = torch.empty(len(self), *self.pixels[0].shape, dtype=torch.uint8, device=device)
        filled = 0
        for block in self.blocks():  # never all of them in memory
            pixels[filled : filled + len(block)] = block
            filled += len(block)
        return ImageSet(pixels, self.labels.to(device), self.tracks)

    def blocks(self) -> Iterator[Tensor]:
        """Yield all pixels in order: blocks, (n, C, H, W), or single images if their sizes differ."""
        images = max(1, _BLOCK_BYTES * len(self) // max(1, self.nbytes))
        for part in torch.split(torch.arange(len(self)), images):
            start = int(part[0]) if len(part) else 0
            self.read_ahead(torch.arange(start, min(start + 2 * images, len(self))))
            if not isinstance(self.pixels, Tensor):
                yield from (self.pixels[position] for position in part.tolist())
            elif self.positions is None:
                yield self.pixels[start : start + len(part)]
            else:
                yield self.pixels[self.positions[part]]

    def channel_sums(self) -> ChannelSums:
        """Return the sums of all pixels, from which mean and deviation follow: known already if from a cache."""
        return ChannelSums.of(self.blocks()) if self.sums is None else self.sums

    def _tracks_at(self, index: Tensor) -> tuple[str, ...] | None:
        return None if self.tracks is None else tuple(self.tracks[i] for i in index.tolist())


def evenly_spaced(count: int, limit: int | None) -> list[int]:
    """Return at most ``limit`` evenly spaced positions out of ``count``; all if the limit is None."""
    if limit is None or limit >= count:
        return list(range(count))
    return [position * count // limit for position in range(limit)]


def random_images(spec: DatasetSpec, recipe: Recipe, count: int) -> ImageSet:
    """Return noise of the dataset's shape, in the size that the recipe takes; equal for every call."""
    size = (spec.image_size or _SOURCE_SIZE) if recipe.augmentation.rotate_first else recipe.image_size
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, spec.channels, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, spec.num_classes, (count,), generator=generator)
    return ImageSet(pixels, labels)


def fingerprint(*parts: ImageSet, class_names: Sequence[str] = ()) -> str:
    """Return the SHA-256 over pixels, sizes, labels and tracks of all parts, independent of the files.

    Args:
        class_names: those of the user's own images; none for a published dataset.
    """
    digest = hashlib.sha256("\0".join(class_names).encode("utf-8", "surrogatepass"))
    for part in parts:
        digest.update(part.labels.numpy().tobytes())
        digest.update("\0".join(part.tracks or ()).encode("utf-8", "surrogatepass"))
        if isinstance(part.pixels, Tensor):
            digest.update(str((len(part), *part.pixels.shape[1:])).encode())
        for block in part.blocks():
            if not isinstance(part.pixels, Tensor):
                digest.update(str(tuple(block.shape)).encode())
            digest.update(block.contiguous().numpy().data)
    return digest.hexdigest()
