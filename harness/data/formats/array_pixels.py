"""Arrays of images: their shape and scale, and each image as a file to decode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.formats.stored_arrays import Array, StoredArray
from harness.errors import InputError

_CHANNELS = (1, 3)
_BLOCK_BYTES = 2**25
_SHAPES = "(N, H, W), (N, H, W, C) or (N, C, H, W), with 1 or 3 channels"


@dataclass(frozen=True)
class Geometry:
    """The shape of an image in an array.

    Attributes:
        channels: 1 for grey images, 3 for RGB.
        height, width: in pixels.
        is_channels_first: True for (C, H, W).
    """

    channels: int
    height: int
    width: int
    is_channels_first: bool

    def common_side(self, other: "Geometry") -> int | None:
        """Return the side in pixels if images of both are squares of one size, else None."""
        sides = {self.height, self.width, other.height, other.width}
        return self.height if len(sides) == 1 else None


def geometry_of(array: StoredArray) -> Geometry:
    """Return the shape of an array's images.

    Raises:
        InputError: it has no images, or an image may not be recognised by the shape.
    """
    shape = array.shape
    if 0 in shape:
        raise InputError(f"{array.file}: {array.name} has the shape {shape}: it holds no image")
    if len(shape) == 3:
        return Geometry(1, shape[1], shape[2], False)
    if len(shape) == 4:
        first, last = shape[1] in _CHANNELS, shape[3] in _CHANNELS
        if first and last:
            raise InputError(f"{array.file}: {array.name} has the shape {shape}: channels may be first or last")
        if first or last:
            channels, height, width = shape[1:] if first else (shape[3], *shape[1:3])
            return Geometry(channels, height, width, first)
    hint = ""
    if len(shape) == 2 and (side := round(shape[1] ** 0.5)) ** 2 == shape[1]:
        hint = f", e.g. {array.name}.reshape(-1, {side}, {side})"
    raise InputError(f"{array.file}: {array.name} has the shape {shape}: give {_SHAPES}{hint}")


def factor_of(arrays: Sequence[tuple[StoredArray, Array]]) -> int:
    """Return the factor that scales the values of all images to 0…255.

    8-bit values are taken as they are. Other numbers are scaled by 255 if all of them, of training and test images,
    lie within 0…1; they are taken as they are if all are whole numbers within 0…255.

    Raises:
        InputError: values are neither, or not a number, or the arrays differ in type.
    """
    types = {array.dtype: array for array, _ in arrays}
    if len(types) > 1:
        named = " and ".join(f"{array.name} of {dtype}" for dtype, array in types.items())
        raise InputError(f"{arrays[0][0].file} has {named}: give images of one type")
    if (dtype := arrays[0][0].dtype) == np.uint8:
        return 1
    if dtype.kind not in "biuf":
        raise InputError(f"{arrays[0][0].file}: {arrays[0][0].name} is of {dtype}: give images of uint8, or of 0…1")
    ranges = [_range_of(array, content) for array, content in arrays]
    least, most = min(one[0] for one in ranges), max(one[1] for one in ranges)
    if least >= 0 and most <= 1 and dtype.kind in "bf":
        return 255
    if least >= 0 and most <= 255 and all(one[2] for one in ranges):
        return 1
    names = " and ".join(array.name for array, _ in arrays)
    raise InputError(
        f"{arrays[0][0].file}: {names} of {dtype} have values from {least:g} to {most:g}: give numbers of 0…1, or "
        "whole numbers of 0…255"
    )


def _range_of(array: StoredArray, content: Array) -> tuple[float, float, bool]:
    """Return the least and the largest value, and whether all are whole numbers."""
    least, most, is_whole = np.inf, -np.inf, True
    for block in _blocks(content):
        if not np.isfinite(block).all():
            raise InputError(f"{array.file}: {array.name} has values that are not a number, or infinite")
        least, most = min(least, float(block.min())), max(most, float(block.max()))
        is_whole = is_whole and bool((block == np.trunc(block)).all())
    return least, most, is_whole


def _blocks(content: Array) -> Iterator[Array]:
    """Yield images, a few at a time: the array may be larger than the memory."""
    images = max(1, _BLOCK_BYTES // max(1, content[0].nbytes))
    for start in range(0, len(content), images):
        yield content[start : start + images]


def encoded(content: Array, geometry: Geometry, factor: int, position: int) -> bytes:
    """Return one image as an uncompressed PGM or PPM file."""
    image = content[position]
    if image.dtype != np.uint8:
        image = np.rint(image.astype(np.float64) * factor).astype(np.uint8)
    if geometry.is_channels_first:
        image = image.transpose(1, 2, 0)
    height, width = image.shape[:2]
    pixels: bytes = image.tobytes()
    return f"P{5 if geometry.channels == 1 else 6}\n{width} {height}\n255\n".encode() + pixels
