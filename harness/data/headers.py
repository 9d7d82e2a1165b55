"""Channels and size of images, as far as the headers of their files show them: nothing is decoded."""

import functools
import io
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.image_formats import open_file, opened_image

_GREY_MODES = frozenset({"1", "L", "LA", "La"})


@dataclass(frozen=True)
class ImageShape:
    """The shape that images have in common.

    Attributes:
        channels: 1 if every image is grey, else 3.
        side: in pixels, if all are squares of one size; None otherwise.
    """

    channels: int
    side: int | None


def shape_in_headers(paths: Iterable[Path]) -> ImageShape:
    """Return the shape that images on disk have in common, by their headers.

    A file without a readable header is skipped: decoding it raises an error that names it. Reading ends as soon as an
    image is coloured and another has another size. The answer is kept until a file changes.
    """
    return _shape(tuple((str(path), _change_time(path)) for path in paths))


def _change_time(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def shape_in_bytes(contents: Iterable[bytes]) -> ImageShape:
    """Return the shape that images in memory have in common, as `shape_in_headers` does."""
    return _common_shape(_headers(map(io.BytesIO, contents)))


@functools.lru_cache(maxsize=4)
def _shape(files: Sequence[tuple[str, int]]) -> ImageShape:
    return _common_shape(_headers(path for path, _ in files))


def _common_shape(headers: Iterable[tuple[str, tuple[int, int]]]) -> ImageShape:
    is_grey, sizes = True, set[tuple[int, int]]()
    for mode, size in headers:
        is_grey &= mode in _GREY_MODES or mode.startswith("I;16")
        sizes.add(size)
        if not is_grey and not _is_one_square(sizes):
            return ImageShape(3, None)
    return ImageShape(1 if is_grey and sizes else 3, next(iter(sizes))[0] if _is_one_square(sizes) else None)


def _is_one_square(sizes: set[tuple[int, int]]) -> bool:
    return len(sizes) == 1 and all(width == height for width, height in sizes)


def _headers(files: Iterable[str | io.BytesIO]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each image's mode and its width and height."""
    for file in files:
        try:
            content = open_file(file) if isinstance(file, str) else file
            with warnings.catch_warnings(action="ignore"), opened_image(content) as image:
                shape = image.mode, image.size
        except Exception:  # Pillow's plugins raise many types on damaged headers
            continue
        yield shape
