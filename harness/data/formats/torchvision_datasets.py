"""The classification datasets of torchvision, under ``torchvision/<name>`` of the data folder."""

import functools
import inspect
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image

from harness.config.datasets import DatasetSpec, find_spec
from harness.config.library_datasets import PREFIX, Arguments, LibraryDataset, library_dataset
from harness.config.recipe import Resize
from harness.data.decoding import Array, ImageFile, decode, file_on_disk, keep
from harness.data.download import limited_silence, locked
from harness.data.findings import Finding, find
from harness.data.formats.gtsrb import track_in_file_name
from harness.data.formats.image_files import read_both
from harness.data.formats.labels import hold_out
from harness.data.formats.split_names import HELD_OUT_NOTE
from harness.data.images import ImageSet
from harness.data.own_folders import make_files_own
from harness.data.source import Source, incomplete, require_regular_files, tree_key
from harness.data.verified_memory import VERIFIED
from harness.errors import InputError
from harness.files import write_text_atomically
from harness.foreign_files import read_regular
from harness.text import listed_up_to, one_line, spelled_out

_UNFINISHED = ".unfinished"
_MOST_UNFINISHED_BYTES = 2**16  # at most a dozen names
_MOST_LIST_BYTES = 64 * 2**20  # of lists of labels and splits; the largest, of SUN397, has 4 MB
_MOST_SHARE = 2  # PCAM's files in HDF5, and USPS's in text, are larger than their pixels
_MOST_NAMED = 4

Item = tuple[Any, int]
"""A PIL image, or the path of an image file; with its label."""


def _caltech_paths(folder: str, name: str, opened: Any) -> Iterator[Item]:
    """Yield the paths of images that torchvision would open itself, in any of Pillow's formats."""
    for label, number in zip(opened.y, opened.index, strict=True):
        file = name.format(number=number, label=label + 1)
        yield Path(opened.root, folder, opened.categories[label], file), label


# Of the classes that take no `loader`, which would return the paths: how to find these.
_PATHS: dict[str, Callable[[Any], Iterable[Item]]] = {
    "Caltech101": partial(_caltech_paths, "101_ObjectCategories", "image_{number:04d}.jpg"),
    "Caltech256": partial(_caltech_paths, "256_ObjectCategories", "{label:03d}_{number:04d}.jpg"),
    "GTSRB": lambda opened: opened._samples,
    "OxfordIIITPet": lambda opened: zip(opened._images, opened._labels, strict=True),
}


@dataclass(frozen=True)
class _Opened:
    """A dataset that torchvision has opened.

    Attributes:
        train, test: an image as a PIL image or as the path of its file, and its label.
        class_names: in the order of the labels.
    """

    train: Sequence[Callable[[], Item]]
    test: Sequence[Callable[[], Item]]
    class_names: tuple[str, ...]


def locate(name: str, data_dir: Path, *, resize_to: Resize | None = None) -> Source | None:
    """Return the dataset found under the data folder, or None.

    Args:
        name: e.g. ``torchvision:CIFAR100``.
        resize_to: the square to which every image is resized; None keeps their sizes.
    """
    library, spec = library_dataset(name), find_spec(name)
    root = _root(library, data_dir)
    how = f" ({library.protocol})" if library.protocol else HELD_OUT_NOTE if library.test is None else ""
    layout = f"torchvision{how}"
    if missing := _missing(library, root):
        is_absent = not (root / _UNFINISHED).exists() and len(missing) == len(library.unpacked)
        return None if is_absent else incomplete(layout, root, missing)
    assert spec is not None
    opened = functools.cache(partial(_open_both, library, root))

    def count() -> tuple[int, int]:
        return len(opened().train), len(opened().test)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        take = partial(_read, spec, library.in_memory, resize_to)
        return read_both(opened().train, opened().test, (train_limit, test_limit), take)

    def look() -> Finding:
        numbers = spec.train_images, spec.test_images
        if library.test is None:
            numbers = count()
        names = opened().class_names
        return Finding(layout, replace(spec, class_names=names, train_images=numbers[0], test_images=numbers[1]))

    verify, key = partial(_verify, library, root, opened), partial(tree_key, root)

    def found_spec() -> DatasetSpec:
        return find(name, root, data_dir, key, look).spec

    return Source(layout, root, count, verify, read, key=key, spec=found_spec)


def download(name: str, data_dir: Path) -> None:
    """Download the missing files by torchvision, and unpack them.

    What an interruption leaves unpacked is removed, since torchvision would take it for the whole. Archives stay, as
    torchvision checks their MD5.

    Raises:
        InputError: the download failed. The message says which files to put where.
    """
    library = library_dataset(name)
    root = _root(library, data_dir)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with locked(root):  # another process may have downloaded it while this one waited
            failure = _try_download(library, root) if _missing(library, root) else None
    except OSError as error:
        failure = str(error)
    if failure is not None:
        raise InputError(
            f"could not download {name} ({one_line(failure, 200)})\n"
            f"{how_to_get(name, data_dir)}, or name another folder with --data-dir"
        )


def how_to_get(name: str, data_dir: Path) -> str:
    """Return instructions for an absent dataset: which files to put into which folder."""
    library = library_dataset(name)
    files = listed_up_to([Path(path).name for path in library.archives], _MOST_NAMED, "file")
    folder = (_root(library, data_dir) / library.archives[0]).parent
    return f"put {files} into {folder}"


def _root(library: LibraryDataset, data_dir: Path) -> Path:
    return data_dir / "torchvision" / library.name


def _missing(library: LibraryDataset, root: Path) -> list[str]:
    """Return what torchvision would read and is not there, or was not completely unpacked."""
    unfinished = _unfinished(library, root)
    return [path for path in library.unpacked if path in unfinished or not (root / path).exists()]


def _unfinished(library: LibraryDataset, root: Path) -> list[str]:
    """Return which of the dataset's files an interrupted download left; ignore other names in its list."""
    try:
        names = read_regular(root / _UNFINISHED, _MOST_UNFINISHED_BYTES).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{root / _UNFINISHED} cannot be read: {error.strerror}: remove it") from error
    return [path for path in (*library.unpacked, *library.archives) if path in names]


def _try_download(library: LibraryDataset, root: Path) -> str | None:
    """Download and unpack; return None or the reason of the failure."""
    make_files_own(root)  # torchvision writes into the files that it finds
    _remove_unfinished(library, root)
    missing = _missing(library, root)
    unchecked = () if library.has_checksums else library.archives
    # Of a process that is killed, the next one removes these.
    unfinished = [*missing, *(path for path in unchecked if not (root / path).exists())]
    write_text_atomically(root / _UNFINISHED, "\n".join(unfinished))
    try:
        with limited_silence(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tarfile warns of torchvision's way to unpack
            _open_all(library, root, download=True)
    except Exception as error:  # torchvision and the readers of its archives raise many types
        _remove_unfinished(library, root)
        return str(getattr(error, "reason", None) or error)
    if library.has_checksums and set(missing) == set(library.unpacked):
        VERIFIED.add(tree_key(root), f"{PREFIX}{library.name}")
    (root / _UNFINISHED).unlink()
    return None


def _remove_unfinished(library: LibraryDataset, root: Path) -> None:
    for path in _unfinished(library, root):
        if (root / path).is_dir():
            shutil.rmtree(root / path)
        else:
            (root / path).unlink(missing_ok=True)
    (root / _UNFINISHED).unlink(missing_ok=True)


def _verify(library: LibraryDataset, root: Path, opened: Callable[[], _Opened]) -> bool:
    """Return whether torchvision has checked the files, now or when they were downloaded."""
    if library.checks_itself:
        opened()
        return True
    return tree_key(root) in VERIFIED


def _open_all(library: LibraryDataset, root: Path, *, download: bool = False) -> list[Any]:
    """Return torchvision's datasets: the parts of the training set, then the test set if there is one."""
    make = getattr(torchvision.datasets, library.name)
    parameters = inspect.signature(make).parameters
    common: dict[str, Any] = {"download": download} | ({"loader": _path_itself} if "loader" in parameters else {})
    parts: list[Arguments] = [*library.train, *([] if library.test is None else [library.test])]
    return [make(str(root), **part, **common) for part in parts]


def _path_itself(path: Any) -> Any:
    """Return the path: the loader that leaves an image to `harness.data.decoding`."""
    return path


def _open_both(library: LibraryDataset, root: Path) -> _Opened:
    """Return the training and the test set, opened.

    Raises:
        InputError: torchvision refuses the files, or they have other classes.
    """
    require_regular_files(root)
    _require_bounded(library, root)
    try:
        *train, last = _open_all(library, root)
        names = _class_names(library, last)
        items = [[*_items_of(library, one)] for one in (*train, last)]
    except InputError:
        raise
    except Exception as error:  # on damaged files torchvision and scipy raise many types
        raise InputError(
            f"torchvision cannot read {library.name} in {root} ({one_line(str(error), 120)}): remove {root}, a full "
            "run downloads it again"
        ) from error
    if len(names) != library.classes:
        raise InputError(
            f"{root} has {len(names)} classes, {library.name} has {library.classes}: remove it, a full run downloads "
            "it again"
        )
    if library.test is None:
        (images,) = items
        train_part, test_part = (
            [images[i] for i in part] for part in hold_out([item()[1] for item in images], names, root)
        )
        return _Opened(train_part, test_part, names)
    return _Opened([item for part in items[:-1] for item in part], items[-1], names)


def _require_bounded(library: LibraryDataset, root: Path) -> None:
    """Raise an `InputError` for a file that torchvision reads as a whole and is larger than its dataset."""
    most = _MOST_LIST_BYTES
    if library.in_memory and library.image_size is not None:
        images = library.train_images + library.test_images
        most += _MOST_SHARE * images * library.channels * library.image_size**2
    for path in library.unpacked:
        if (root / path).is_file() and (size := (root / path).stat().st_size) > most:
            raise InputError(f"{root / path} has {size:,} bytes, and {library.name}'s has at most {most:,}: remove it")


def _class_names(library: LibraryDataset, opened: Any) -> tuple[str, ...]:
    """Return the names that torchvision has for the classes; without any, their numbers."""
    names = getattr(opened, "classes", None) or getattr(opened, "categories", None) or range(library.classes)
    first = tuple(spelled_out(str(one[0] if isinstance(one, tuple) else one)) for one in names)
    return first if len(set(first)) == len(first) else tuple(map(str, range(len(first))))


def _items_of(library: LibraryDataset, opened: Any) -> Iterator[Callable[[], Item]]:
    if library.name in _PATHS:
        return (partial(tuple, item) for item in _PATHS[library.name](opened))
    return (partial(opened.__getitem__, position) for position in range(len(opened)))


def _read(
    spec: DatasetSpec, in_memory: bool, resize_to: Resize | None, chosen: Sequence[Callable[[], Item]]
) -> ImageSet:
    """Return images of a set, decoded."""
    if in_memory:
        size = spec.image_size if resize_to is None else resize_to.size
        assert size is not None  # in the table
        return _from_memory(chosen, spec.channels, size)
    files = [_image_file(spec.name, *item()) for item in chosen]
    return decode(files, channels=spec.channels, size=resize_to)


def _image_file(dataset: str, image: Any, label: int) -> ImageFile:
    path = Path(image)
    return file_on_disk(path, int(label), track_in_file_name(path, label) if dataset == "torchvision:GTSRB" else None)


def _from_memory(items: Sequence[Callable[[], Item]], channels: int, size: int) -> ImageSet:
    """Return square images that torchvision has in memory."""
    mode, labels = "RGB" if channels == 3 else "L", list[int]()

    def pixels() -> Iterator[Array]:
        for item in items:
            image, label = item()
            labels.append(int(label))
            shown = image.convert(mode)
            if shown.size != (size, size):
                shown = shown.resize((size, size), Image.Resampling.BILINEAR)
            yield np.ascontiguousarray(np.asarray(shown).reshape(size, size, channels).transpose(2, 0, 1))

    return ImageSet(keep(pixels(), channels), torch.tensor(labels, dtype=torch.int64))
