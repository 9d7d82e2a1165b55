"""The formats of image files that are read: every image file is opened here.

Pillow knows 43 formats and tries each on a file whatever its name; one of them starts Ghostscript.
"""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Pillow imports the plugins of these formats only together with all others.
from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

from harness.foreign_files import open_regular

with contextlib.suppress(ImportError):  # before Pillow 11.3
    from PIL import AvifImagePlugin  # noqa: F401

FORMATS = ("PNG", "JPEG", "PPM", "BMP", "DIB", "GIF", "TIFF", "WEBP", "AVIF")  # a DIB is a BMP without its first header
FORMATS_SHOWN = "PNG, JPEG, PPM, BMP, GIF, TIFF, WebP or AVIF"
MOST_IMAGE_BYTES = 256 * 2**20
"""The largest image file: twice what the largest image that Pillow decodes has, of 89 million pixels in JPEG or PNG."""

# By the first bytes of files of other formats.
_OTHERS = {
    b"%!PS": "an EPS", b"\xc5\xd0\xd3\xc6": "an EPS", b"%PDF": "a PDF", b"8BPS": "a PSD", b"\0\0\1\0": "an ICO",
    b"icns": "an ICNS", b"SIMPLE": "a FITS", b"\x89HDF": "an HDF5", b"\xd7\xcd\xc6\x9a": "a WMF",
    b"\1\0\0\0": "an EMF", b"\0\0\0\x0cjP": "a JPEG 2000", b"\xff\x4f\xff\x51": "a JPEG 2000", b"DDS ": "a DDS",
    b"<svg": "an SVG", b"PK\3\4": "a ZIP", b"\x1f\x8b": "a GZIP", b"ftyphei": "a HEIC", b"ftypmif1": "a HEIC",
}  # fmt: skip
_FIRST_BYTES = 16


class OtherFormatError(ValueError):
    """A file in another format. The message says in which, if its first bytes show it."""


@contextlib.contextmanager
def opened_image(file: BinaryIO) -> Iterator[Image.Image]:
    """Yield the image in a file, whose pixels are not decoded yet; close the file after the block.

    Raises:
        OtherFormatError: it is no image of a format that is read.
        Exception: of many types, for a damaged file.
    """
    with file:
        try:
            image = Image.open(file, formats=_read_formats())
        except UnidentifiedImageError as error:
            raise OtherFormatError(_refusal(file)) from error
        with image:
            yield image


def open_file(path: str | Path) -> BinaryIO:
    """Open an image file.

    Raises:
        OSError: as `harness.foreign_files.open_regular` raises it.
    """
    return open_regular(path, MOST_IMAGE_BYTES)


@functools.cache
def image_endings() -> frozenset[str]:
    """Return the endings of files in these formats, in lower case."""
    formats = _read_formats()
    return frozenset({end for end, name in Image.EXTENSION.items() if name in formats} | {".mpo"})


@functools.cache
def _read_formats() -> tuple[str, ...]:
    """Return the formats that this Pillow reads."""
    Image.preinit()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _refusal(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(_FIRST_BYTES)
    signs = (start[4:12], start)
    other = next((name for sign, name in _OTHERS.items() if any(one.startswith(sign) for one in signs)), None)
    if other is None:
        return f"it is no {FORMATS_SHOWN}"
    return f"it is {other} file: convert it to {FORMATS_SHOWN}"
