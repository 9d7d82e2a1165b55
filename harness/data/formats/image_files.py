"""Sources whose images are files on disk, in class folders or listed in a table."""

import functools
import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from harness.config.datasets import DatasetSpec, is_own_images
from harness.config.recipe import Resize
from harness.data.decoding import ImageFile, check_file, decode
from harness.data.headers import shape_in_headers
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source, unverifiable
from harness.errors import FaultList, results_of_both

_Image = TypeVar("_Image", covariant=True)

Lists = tuple[list[ImageFile], list[ImageFile]]
"""Training and test images."""


class Unread(Protocol[_Image]):
    """Images that are not read yet: a list, or what finds each only when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> _Image: ...


def read_both(
    train: Unread[_Image],
    test: Unread[_Image],
    limits: tuple[int | None, int | None],
    read: Callable[[list[_Image]], ImageSet],
) -> tuple[ImageSet, ImageSet]:
    """Return the images of both parts, of each at most its limit, evenly spaced; None takes all.

    Args:
        read: decodes the chosen ones.

    Raises:
        InputError: an image cannot be read. The message names the faults of both parts.
    """

    def part(images: Unread[_Image], limit: int | None) -> ImageSet:
        return read([images[position] for position in evenly_spaced(len(images), limit)])

    return results_of_both(partial(part, train, limits[0]), partial(part, test, limits[1]))


def own_spec(name: str, class_names: tuple[str, ...], lists: Lists) -> DatasetSpec:
    """Return the spec of the user's own image files."""
    train, test = lists
    shape = shape_in_headers(Path(file.name) for file in [*train, *test])
    return DatasetSpec(name, shape.channels, shape.side, class_names, len(train), len(test))


def source_of(
    layout: str,
    path: Path,
    spec: DatasetSpec,
    list_both: Callable[[], Lists],
    *,
    resize_to: Resize | None,
    key: Callable[[], str],
) -> Source:
    """Return a source of image files.

    Args:
        layout: its human-readable name.
        list_both: lists the images; called once for a source, as a folder of many images is long to list.
        resize_to: the square to which every image is resized; None requires the dataset's own size.
        key: see `Source`.
    """
    listed = functools.cache(list_both)

    def count() -> tuple[int, int]:
        train, test = listed()
        return len(train), len(test)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        take = partial(decode, channels=spec.channels, size=resize_to or spec.image_size)
        return read_both(*listed(), (train_limit, test_limit), take)

    def check() -> None:
        faults = FaultList()
        required = None if resize_to else spec.image_size
        for file in itertools.chain(*listed()):
            with faults:
                check_file(Path(file.name), required)
        faults.raise_any()

    own = (lambda: spec) if is_own_images(spec.name) else None
    return Source(layout, path, count, unverifiable, read, check=check, key=key, spec=own)
