"""Images in memory: 8-bit tensors with their labels, decoded from files."""

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from harness.config.datasets import DatasetSpec
from harness.config.recipes import Recipe
from harness.errors import InputError

_MOST_FILE_BYTES = 256 * 2**20
_SOURCE_SIZE = 32  # of random images in the place of a dataset's whose own differ in size


@dataclass(frozen=True)
class PackedPixels:
    """The pixels of N images of differing sizes, one after the other in a single buffer.

    Attributes:
        buffer: uint8, (total,); an image's bytes lie together, channel by channel, row by row.
        offsets: int64, (N,), where in the buffer each image begins.
        heights: int64, (N,), in pixels.
        widths: int64, (N,), in pixels.
        channels: how many every image has.
    """

    # Only the buffer moves to a GPU. Where an image lies and its size are a few bytes, needed on the host to group
    # images by size and to give a view of one: there, no GPU has to be waited for.
    buffer: Tensor
    offsets: Tensor
    heights: Tensor
    widths: Tensor
    channels: int

    @classmethod
    def from_images(cls, images: Sequence[Tensor]) -> "PackedPixels":
        """A copy of the images, each uint8, (C, H, W), all on one device.

        Raises:
            ValueError: an image is not 8-bit, or they differ in their number of channels.
        """
        if any(image.dtype != torch.uint8 or image.shape[0] != images[0].shape[0] for image in images):
            raise ValueError("only 8-bit images with the same number of channels can be packed together")
        shapes = torch.tensor([image.shape for image in images], dtype=torch.int64).reshape(-1, 3)
        nothing = torch.empty(0, dtype=torch.uint8, device=images[0].device if images else None)
        buffer = torch.cat([nothing, *(image.reshape(-1) for image in images)])  # cat refuses an empty list
        ends = shapes.prod(1).cumsum(0)
        channels = images[0].shape[0] if images else 0
        return cls(buffer, ends - shapes.prod(1), shapes[:, 1], shapes[:, 2], channels)

    @classmethod
    def from_batch(cls, images: Tensor) -> "PackedPixels":
        """Images of one size, uint8, (N, C, H, W): a view where they lie one after the other in memory."""
        count, channels, height, width = images.shape
        offsets = torch.arange(count) * (channels * height * width)
        return cls(images.reshape(-1), offsets, torch.full((count,), height), torch.full((count,), width), channels)

    @property
    def device(self) -> torch.device:
        return self.buffer.device

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, position: int) -> Tensor:
        """One image, (C, H, W): a view of the buffer."""
        start, height, width = (int(values[position]) for values in (self.offsets, self.heights, self.widths))
        return self.buffer[start : start + self.channels * height * width].view(self.channels, height, width)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[position] for position in range(len(self)))

    def select(self, index: Tensor) -> "PackedPixels":
        """The images at these positions, in this order. They share the buffer: no pixel is copied."""
        index = index.to(self.offsets.device)
        return replace(self, offsets=self.offsets[index], heights=self.heights[index], widths=self.widths[index])

    def to(self, device: torch.device) -> "PackedPixels":
        """The same images with their pixels on ``device``; of a selection, only the selected images' bytes travel."""
        if self.device == device:
            return self
        own_bytes = self.channels * int((self.heights * self.widths).sum())
        part = PackedPixels.from_images(list(self)) if own_bytes < len(self.buffer) else self
        return replace(part, buffer=part.buffer.to(device), channels=self.channels)


Pixels = Tensor | PackedPixels


@dataclass(frozen=True)
class ImageSet:
    """N images with their labels.

    Attributes:
        pixels: uint8, (N, C, H, W); packed where sizes differ. Either way, iterating gives each image's (C, H, W).
        labels: int64, (N,).
        tracks: which images show the same object and must stay together when a validation set is split off; one name
            per image, None where every image stands alone.
    """

    pixels: Pixels
    labels: Tensor
    tracks: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels."""
        return self.pixels.nbytes if isinstance(self.pixels, Tensor) else self.pixels.buffer.nbytes

    def select(self, index: Tensor) -> "ImageSet":
        """The images at these positions, in this order; with an index on the CPU no GPU is waited for."""
        placed = index.to(self.labels.device)
        pixels = self.pixels[placed] if isinstance(self.pixels, Tensor) else self.pixels.select(index)
        tracks = None if self.tracks is None else tuple(self.tracks[i] for i in index.tolist())
        return ImageSet(pixels, self.labels[placed], tracks)

    def to(self, device: torch.device) -> "ImageSet":
        """The same images with pixels and labels on ``device``."""
        return replace(self, pixels=self.pixels.to(device), labels=self.labels.to(device))


@dataclass(frozen=True)
class ImageFile:
    """An image still to be decoded: the name that an error gives, how to get its bytes, its label and its track."""

    name: str
    read: Callable[[], bytes]
    label: int
    track: str | None = None


def file_on_disk(path: Path, label: int, track: str | None = None) -> ImageFile:
    """An image in a file of its own."""
    return ImageFile(str(path), partial(_read_file, path), label, track)


def _read_file(path: Path) -> bytes:
    size = path.stat().st_size
    if size > _MOST_FILE_BYTES:
        raise OSError(f"it has {size:,} bytes, an image file at most {_MOST_FILE_BYTES:,}")
    return path.read_bytes()


def evenly_spaced(count: int, limit: int | None) -> list[int]:
    """Positions of at most ``limit`` of ``count`` things, spread over all of them; all where there is no limit."""
    if limit is None or limit >= count:
        return list(range(count))
    return [position * count // limit for position in range(limit)]


def decode(files: Sequence[ImageFile], *, channels: int, size: int | None, resize: bool = False) -> ImageSet:
    """Read and decode the files, each converted to ``channels`` (1: grey, 3: RGB).

    Args:
        size: the side that every image has, or None for any.
        resize: bring every image to ``size`` (antialiased bilinear) instead of demanding it.

    Raises:
        InputError: a file cannot be read, is no image, or has another size. It names the file.
    """
    images = [_decode_one(file, channels, size, resize) for file in files]
    tracks = tuple(file.track or file.name for file in files) if any(file.track for file in files) else None
    same_size = len({image.shape for image in images}) == 1
    labels = torch.tensor([file.label for file in files], dtype=torch.int64)
    return ImageSet(torch.stack(images) if same_size else PackedPixels.from_images(images), labels, tracks)


def _decode_one(file: ImageFile, channels: int, size: int | None, resize: bool) -> Tensor:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's doubts about metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(file.read())) as opened:
                if opened.mode[0] in "IF":
                    raise InputError(f"image {file.name} has more than 8 bits a channel: convert it to 8 bits")
                image = opened.convert("RGB" if channels == 3 else "L")
    except (InputError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"image {file.name} is too large: {error}") from error
    except UnidentifiedImageError as error:
        raise InputError(f"unreadable image {file.name}: not an image that Pillow can read") from error
    except Exception as error:  # Pillow's decoders raise whatever they like on damaged files
        raise InputError(f"unreadable image {file.name}: {error}") from error
    if size is not None and image.size != (size, size):
        if not resize:
            width, height = image.size
            raise InputError(f"image {file.name} is {width}×{height} pixels; this dataset's are {size}×{size}")
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if channels == 1 else pixels.permute(2, 0, 1).contiguous()


def random_images(spec: DatasetSpec, recipe: Recipe, count: int) -> ImageSet:
    """Noise of a dataset's shape, of the size that the recipe expects before it resizes; always the same."""
    size = (spec.image_size or _SOURCE_SIZE) if recipe.augmentation.rotate_first else recipe.image_size
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, spec.channels, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, spec.num_classes, (count,), generator=generator)
    return ImageSet(pixels, labels)


def fingerprint(*parts: ImageSet, class_names: Sequence[str] = ()) -> str:
    """SHA-256 over the pixels, sizes, labels and tracks of all parts, whatever files they came from.

    Args:
        class_names: where they are the user's own and not the published dataset's.
    """
    digest = hashlib.sha256("\0".join(class_names).encode())
    for part in parts:
        digest.update(part.labels.numpy().tobytes())
        digest.update("\0".join(part.tracks or ()).encode())
        for pixels in [part.pixels] if isinstance(part.pixels, Tensor) else part.pixels:
            digest.update(str(tuple(pixels.shape)).encode())
            digest.update(pixels.contiguous().numpy().data)
    return digest.hexdigest()
