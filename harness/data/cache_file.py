"""A cache's two files: the pixels, labels and tracks of both splits, and a header that describes them.

The file of pixels is written once and mapped read-only: processes share it, and what memory cannot hold is read from
the disk again. Its header, a JSON file, is written last, so that without it there is no cache.
"""

import contextlib
import json
import mmap
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from harness.config.datasets import DatasetSpec
from harness.data.channel_sums import ChannelSums
from harness.data.decoding import Array
from harness.data.images import ImageSet, PackedPixels, Pixels
from harness.data.mapped_pages import MappedPages
from harness.files import checked_json, flush_to_disk, put_in_place, with_sha256, write_text_atomically
from harness.users_files import open_of_user, read_of_user

SCHEMA_VERSION = 1
PIXELS, HEADER, _WRITING = ".pixels", ".json", ".writing"
_MOST_HEADER_BYTES = 2**16  # it has about 1,500, whatever the number of images
_ALIGNMENT = 64  # bytes; numbers of eight bytes must begin at a multiple of eight

Sections = dict[str, Any]
"""The place of a split's parts in the file: ``[first byte, number of bytes]`` by name, and the images' shape."""


@dataclass(frozen=True)
class CachedImages:
    """The images of a cache.

    Attributes:
        fingerprint: the images' SHA-256, see `harness.data.images.fingerprint`.
        is_unchanged: True if the file is as it was left when it was written; False: its content must be checked.
    """

    train: ImageSet
    test: ImageSet
    fingerprint: str
    is_unchanged: bool


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of the cache at ``path``, without a suffix.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or of another version of the format.
    """
    return checked_json(read_of_user(_with(path, HEADER), _MOST_HEADER_BYTES), SCHEMA_VERSION)


def map_images(path: Path, header: Mapping[str, Any]) -> CachedImages:
    """Map a cache's images into memory; its pages are read when they are first used.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is shorter than its header says.
    """
    with open_of_user(_with(path, PIXELS)) as file:
        (buffer, memory), state = _map(file), _state(file)
    if len(buffer) < header["state"][0]:
        raise ValueError(f"{_with(path, PIXELS)} is cut short")
    train, test = (_images(buffer, memory, header[split]) for split in ("train", "test"))
    count, values, squares = (header["sums"][name] for name in ("count", "values", "squares"))
    train = replace(train, sums=ChannelSums(count, tuple(values), tuple(squares)))
    return CachedImages(train, test, header["fingerprint"], state == header["state"])


def require_sound(images: ImageSet, spec: DatasetSpec) -> None:
    """Raise a ValueError unless the parts of a cached split fit together and the dataset."""
    pixels, labels, tracks = images.pixels, images.labels, images.tracks
    if isinstance(pixels, Tensor):
        channels, is_whole = pixels.shape[1], True
    else:
        sizes = torch.stack([pixels.heights, pixels.widths])
        channels, side = pixels.channels, len(pixels.buffer)
        is_whole = bool(((sizes > 0) & (sizes <= side)).all() and (sizes.prod(0) * channels).sum() == side)
    is_class = bool(((labels >= 0) & (labels < spec.num_classes)).all())
    are_tracks = tracks is None or (len(tracks) == len(labels) and all(isinstance(one, str) for one in tracks))
    if not (channels == spec.channels and is_whole and len(pixels) == len(labels) and is_class and are_tracks):
        raise ValueError("its parts do not fit together")


def seal(path: Path, header: Mapping[str, Any]) -> None:
    """Write the header of a cache whose file is complete, with the file's present size and times.

    Raises:
        OSError: it cannot be written.
    """
    with open(_with(path, PIXELS), "rb") as file:
        content = {**header, "schema_version": SCHEMA_VERSION, "state": _state(file)}
    write_text_atomically(_with(path, HEADER), with_sha256(content))


def remove_cache(path: Path) -> None:
    """Remove a cache and what a killed process left of it."""
    for suffix in (HEADER, PIXELS, _WRITING):  # the header first: without it there is no cache
        with contextlib.suppress(FileNotFoundError):
            _with(path, suffix).unlink()


class CacheWriter:
    """A cache that is being written: its content goes into a temporary file, which `finish` names.

    As a context it removes the temporary file at its end.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._temporary = path, _with(path, _WRITING)
        self._file: BinaryIO
        self._gathered: list[tuple[Pixels, Sections]] = []

    def __enter__(self) -> "CacheWriter":
        self._temporary.unlink(missing_ok=True)
        self._file = open(self._temporary, "x+b", buffering=2**20)  # never through a link that someone put there
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def gather(self, images: Iterable[Array], channels: int) -> Pixels:
        """Write decoded images; return their pixels, mapped. A `harness.data.decoding.Destination`."""
        start, shapes = self._align(), []
        for image in images:
            self._file.write(image.data)
            shapes.append(image.shape)
        sections: Sections = {"pixels": [start, self._file.tell() - start], "shape": [channels, None, None]}
        if len(set(shapes)) == 1:
            sections["shape"] = list(shapes[0])
        else:
            sections["sizes"] = self._write(np.array(shapes, dtype=np.int64).reshape(-1, 3)[:, 1:].tobytes())
        self._file.flush()
        pixels = _pixels(_map(self._file)[0], sections)
        self._gathered.append((pixels, sections))
        return pixels

    def finish(self, train: ImageSet, test: ImageSet, header: Mapping[str, Any]) -> None:
        """Write labels and tracks, and pixels that were not gathered; synchronise all and give it its name.

        Raises:
            OSError: it cannot be written.
        """
        splits = {"train": self._add(train), "test": self._add(test)}
        flush_to_disk(self._file)
        put_in_place(self._temporary, _with(self._path, PIXELS))
        seal(self._path, {**header, **splits, "sums": asdict(train.channel_sums())})

    def _add(self, images: ImageSet) -> Sections:
        known = [sections for pixels, sections in self._gathered if pixels is images.pixels]
        if not known or images.positions is not None:
            channels = images.pixels.shape[1] if isinstance(images.pixels, Tensor) else images.pixels.channels
            self.gather((one.numpy() for block in images.blocks() for one in _each(block)), channels)
            known = [self._gathered[-1][1]]
        sections = dict(known[0])
        sections["labels"] = self._write(images.labels.numpy().tobytes())
        if images.tracks is not None:
            sections["tracks"] = self._write(json.dumps(images.tracks).encode())
        return sections

    def _write(self, content: bytes) -> list[int]:
        start = self._align()
        self._file.write(content)
        return [start, len(content)]

    def _align(self) -> int:
        self._file.write(bytes(-self._file.tell() % _ALIGNMENT))
        return self._file.tell()


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _each(block: Tensor) -> Iterable[Tensor]:
    return [block.contiguous()] if block.ndim == 3 else block.contiguous()


def _state(file: BinaryIO) -> list[int]:
    state = os.fstat(file.fileno())
    return [state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def _map(file: BinaryIO) -> tuple[Tensor, mmap.mmap | None]:
    """Map a file, uint8, (bytes,); an empty one has no pages.

    Read-only, so that no system reserves memory for it: a private mapping that can be written to would be refused if
    it is larger than the memory.
    """
    if not os.fstat(file.fileno()).st_size:
        return torch.empty(0, dtype=torch.uint8), None
    memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that the array is not writable
        return torch.frombuffer(memory, dtype=torch.uint8), memory


def _part(buffer: Tensor, section: list[int]) -> Tensor:
    return buffer[section[0] : section[0] + section[1]]


def _pixels(buffer: Tensor, sections: Sections) -> Pixels:
    pixels, (channels, height, width) = _part(buffer, sections["pixels"]), sections["shape"]
    if height is not None:
        return pixels.view(-1, channels, height, width)
    sizes = _part(buffer, sections["sizes"]).view(torch.int64).view(-1, 2).clone()
    ends = (channels * sizes.prod(1)).cumsum(0)
    return PackedPixels(pixels, ends - channels * sizes.prod(1), sizes[:, 0], sizes[:, 1], channels)


def _images(buffer: Tensor, memory: mmap.mmap | None, sections: Sections) -> ImageSet:
    tracks = sections.get("tracks")
    names = None if tracks is None else tuple(json.loads(_part(buffer, tracks).numpy().tobytes()))
    labels = _part(buffer, sections["labels"]).view(torch.int64).clone()
    return ImageSet(_pixels(buffer, sections), labels, names, pages=MappedPages(memory, sections["pixels"][0]))
