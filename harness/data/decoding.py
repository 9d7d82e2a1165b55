"""Decoding of image files: every image becomes 8-bit pixels as viewers show it."""

import contextlib
import io
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin

from harness.config.recipe import Resize
from harness.data.image_formats import MOST_IMAGE_BYTES, open_file, opened_image
from harness.data.images import ImageSet, PackedPixels, Pixels
from harness.errors import FaultList, InputError
from harness.foreign_files import read_regular

_LAST_BYTES = {"GIF": b";", "JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xae\x42\x60\x82"}
# By the value of EXIF's orientation; 1 is upright. Not by ImageOps.exif_transpose: it also writes the metadata again,
# which fails if another tag is damaged.
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_KEY_FACTORS = {"L;2": 85, "L;4": 17}  # of grey levels, by Pillow's name of the storage
# Of images that a thread decodes as one task: enough that starting a task takes no time beside it, few in memory.
_TASK_BYTES, _MOST_PER_TASK = 2**20, 32

Array = NDArray[np.uint8]
Destination = Callable[[Iterable[Array], int], Pixels]
"""Function that keeps decoded images, each (C, H, W), of so many channels, as `gather` does in memory."""


@dataclass(frozen=True)
class ImageFile:
    """An image that is not decoded yet.

    Attributes:
        name: file name for messages.
        read: returns the file's bytes.
        track: see `ImageSet`; None for an image without a track.
    """

    name: str
    read: Callable[[], bytes]
    label: int
    track: str | None = None


def file_on_disk(path: Path, label: int, track: str | None = None) -> ImageFile:
    """Return the image in a file of its own."""
    return ImageFile(str(path), partial(read_regular, path, MOST_IMAGE_BYTES), label, track)


def decode(files: Sequence[ImageFile], *, channels: int, size: int | Resize | None) -> ImageSet:
    """Read and decode the files; convert each image to ``channels`` (1: grey, 3: RGB).

    An image is turned as its EXIF orientation says, and what is transparent becomes white. Of several frames or pages,
    the first is read. Threads on all cores decode; the pixels are kept in memory, or where `decoding_to` says.

    Args:
        size: side that every image must have, in pixels; a `Resize` resizes images (antialiased bilinear) instead of
            refusing other sizes; None accepts any size.

    Raises:
        InputError: a file cannot be read, is not an image, or has another size. The message names the file.
    """
    faults = FaultList()
    with _bombs_refused():
        calls = _decoded_ahead(files, lambda file: _decode_one(file, channels, size))
        pixels = keep(faults.results_of(calls), channels)
    faults.raise_any()
    return ImageSet(pixels, torch.tensor([file.label for file in files], dtype=torch.int64), _tracks(files))


def keep(images: Iterable[Array], channels: int) -> Pixels:
    """Return decoded images, each (C, H, W), contiguous, kept in memory, or where `decoding_to` says."""
    return _DESTINATION.get()(images, channels)


@contextlib.contextmanager
def decoding_to(destination: Destination) -> Iterator[None]:
    """Set the destination of the pixels that `decode` and `keep` receive inside the block."""
    token = _DESTINATION.set(destination)
    try:
        yield
    finally:
        _DESTINATION.reset(token)


def _decoded_ahead(
    files: Sequence[ImageFile], decode_one: Callable[[ImageFile], Array]
) -> Iterator[Callable[[], Array]]:
    """Yield for each file, in order, a function that returns its pixels or raises its `InputError`.

    Pillow's decoders release Python's lock, so that threads work in parallel; they are a few tasks ahead.
    """
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ahead: deque[Future[list[Array | InputError]]] = deque()
    position, per_task = 0, 1
    with ThreadPoolExecutor(threads) as pool:
        try:
            while position < len(files) or ahead:
                while position < len(files) and len(ahead) <= threads:
                    ahead.append(pool.submit(_outcomes, files[position : position + per_task], decode_one))
                    position += per_task
                outcomes = ahead.popleft().result()
                largest = max(1 if isinstance(one, InputError) else one.nbytes for one in outcomes)
                per_task = min(max(1, _TASK_BYTES // largest), _MOST_PER_TASK)
                yield from (partial(_result, outcome) for outcome in outcomes)
        finally:
            pool.shutdown(cancel_futures=True)


def _outcomes(files: Iterable[ImageFile], decode_one: Callable[[ImageFile], Array]) -> list[Array | InputError]:
    outcomes: list[Array | InputError] = []
    for file in files:
        try:
            outcomes.append(decode_one(file))
        except InputError as error:
            outcomes.append(error)
    return outcomes


def _result(outcome: Array | InputError) -> Array:
    if isinstance(outcome, InputError):
        raise outcome
    return outcome


def check_file(path: Path, size: int | None) -> None:
    """Check an image on disk by its header and its last bytes; decode it only if these are unusual.

    Args:
        size: as for `decode`.

    Raises:
        InputError: as for `decode`, except for damage in the middle of the file.
    """
    with _bombs_refused(), _opened(str(path), lambda: open_file(path)) as image:
        _check_size(str(path), image, size)
        end = _LAST_BYTES.get(image.format or "")
        if end is None or _last_bytes(path, len(end)) != end:  # cut short, unless data follow the image
            image.load()


def _last_bytes(path: Path, count: int) -> bytes:
    with open_file(path) as file:
        file.seek(-min(count, file.seek(0, io.SEEK_END)), io.SEEK_END)
        return file.read(count)


def _tracks(files: Sequence[ImageFile]) -> tuple[str, ...] | None:
    """Return a track per image, None if no image has one; an image without a track is a track of its own."""
    if not any(file.track for file in files):
        return None
    # Never the file's path: the fingerprint would depend on the folder's place.
    return tuple(file.track or f"image {position}" for position, file in enumerate(files))


def gather(images: Iterable[Array], channels: int) -> Pixels:
    """Return images, each (C, H, W), in memory: as one tensor if they have one size, else packed."""
    # A bytearray grows in place: a list of images that is stacked at its end needs twice the memory.
    content, shapes = bytearray(), []
    for image in images:
        content += image.data
        shapes.append(image.shape)
    buffer = torch.frombuffer(content, dtype=torch.uint8) if content else torch.empty(0, dtype=torch.uint8)
    return buffer.view(-1, *shapes[0]) if len(set(shapes)) == 1 else PackedPixels.from_buffer(buffer, shapes, channels)


_DESTINATION: ContextVar[Destination] = ContextVar("destination", default=gather)


def _decode_one(file: ImageFile, channels: int, size: int | Resize | None) -> Array:
    """Return an image's pixels, (C, H, W), contiguous."""
    with _opened(file.name, lambda: io.BytesIO(file.read())) as opened:
        image = _as_shown(opened).convert("RGB" if channels == 3 else "L")
    if isinstance(size, Resize):
        image = resized(image, size)
    else:
        _check_size(file.name, image, size)
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def resized(image: Image.Image, to: Resize) -> Image.Image:
    """Return the image as a square, resized by antialiased bilinear; a crop is torchvision's."""
    width, height = image.size
    shorter = min(width, height)
    if to.fit == "squash" or width == height:
        sides = (to.size, to.size)
    else:
        sides = (to.size * width // shorter, to.size * height // shorter)
    scaled = image if sides == image.size else image.resize(sides, Image.Resampling.BILINEAR)
    left, top = (round((side - to.size) / 2) for side in sides)
    return scaled if scaled.size == (to.size, to.size) else scaled.crop((left, top, left + to.size, top + to.size))


@contextlib.contextmanager
def _bombs_refused() -> Iterator[None]:
    """Make Pillow raise its warning of decompression bombs; ignore its warnings of odd metadata.

    The filters are the process's: threads that decode must not set them themselves.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextlib.contextmanager
def _opened(name: str, content: Callable[[], BinaryIO]) -> Iterator[Image.Image]:
    """Yield an opened image; errors of its decoder become an `InputError` that names the file."""
    try:
        with opened_image(content()) as opened:
            if opened.mode[0] in "IF":
                raise InputError(f"image {name} has more than 8 bits a channel: convert it to 8 bits")
            yield opened
    except (InputError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"image {name} is too large: {error}") from error
    except OSError as error:
        raise InputError(f"unreadable image {name}: {error.strerror or error}") from error
    except Exception as error:  # Pillow's decoders raise many types on damaged files
        raise InputError(f"unreadable image {name}: {error}") from error


def _check_size(name: str, image: Image.Image, size: int | None) -> None:
    if size is not None and image.size != (size, size):
        width, height = image.size
        raise InputError(f"image {name} is {width}×{height} pixels; this dataset's images are {size}×{size}")


def _as_shown(image: Image.Image) -> Image.Image:
    """Return the image as viewers show it: upright, and on white where it is transparent."""
    _scale_colour_key(image)
    image.load()  # before its metadata are read: Pillow turns a TIFF as it loads it
    turn = _TO_UPRIGHT.get(_orientation(image))
    upright = image if turn is None else image.transpose(turn)
    if not upright.has_transparency_data:
        return upright
    straight = upright.convert("LA") if upright.mode == "La" else upright  # Pillow converts La to LA alone
    on_white = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), straight.convert("RGBA"))
    return on_white.convert("RGB")


def _scale_colour_key(image: Image.Image) -> None:
    """Scale the transparent colour of a PNG of 2, 4 or 16 bits to 8 bits.

    Pillow scales the pixels alone, so that none has the colour.
    """
    key = image.info.get("transparency")
    rawmode = image.tile[0].args if isinstance(image, PngImagePlugin.PngImageFile) and image.tile else None
    if isinstance(key, int) and rawmode in _KEY_FACTORS:
        image.info["transparency"] = key * _KEY_FACTORS[rawmode]
    elif isinstance(key, tuple) and rawmode == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in key)


def _orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1, the image as stored, if the metadata are damaged."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow's parsers raise many types on damaged metadata
        return 1
    return value if isinstance(value, int) else 1
