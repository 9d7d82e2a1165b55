"""The registry of datasets: find, download and load them by name.

Every other room gets its images here. The publishers' layouts are in `harness.data.formats`; other packages add
datasets through `harness.config.extensions`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.config.datasets import (
    SPECS,
    DatasetSpec,
    check_dataset_name,
    find_spec,
    is_own_images,
    is_resized,
    own_path,
    prefix_of,
)
from harness.config.extensions import find_extension
from harness.config.recipe import Resize
from harness.data.cache import fingerprint_of, load_images
from harness.data.findings import forget_findings, keep_finding
from harness.data.formats import (
    arrays,
    cifar10,
    class_folders,
    digits,
    fashionmnist,
    gtsrb,
    hugging_face,
    table,
    torchvision_datasets,
)
from harness.data.formats.folder_listing import is_present_folder, list_folder
from harness.data.images import ImageSet
from harness.data.source import Layout, Library, Publisher, Source, each_key_once, forget_keys
from harness.errors import InputError
from harness.text import listed

_PUBLISHERS: dict[str, Publisher] = {"cifar10": cifar10, "fashionmnist": fashionmnist, "gtsrb": gtsrb}
_LAYOUTS: dict[str, Layout] = {"folder:": class_folders, "csv:": table, "npz:": arrays}
_LIBRARIES: dict[str, Library] = {"torchvision:": torchvision_datasets, "hf:": hugging_face}
_PUBLISHER_ATTRIBUTES = ("FILES", "locate", "download")


@dataclass(frozen=True)
class Dataset:
    """A dataset in memory.

    Attributes:
        origin: human-readable layout and path.
        fingerprint: SHA-256 of the images and labels.
        is_stand_in: True for resized digits, which replace an absent dataset in quick mode.
    """

    spec: DatasetSpec
    train: ImageSet = field(repr=False)
    test: ImageSet = field(repr=False)
    origin: str
    fingerprint: str
    is_stand_in: bool = False

    @property
    def is_whole(self) -> bool:
        """True with the published numbers of images; only then are published figures comparable."""
        return (len(self.train), len(self.test)) == (self.spec.train_images, self.spec.test_images)


def get_spec(name: str, data_dir: Path | None = None) -> DatasetSpec:
    """Return the spec of a dataset; that of the user's own images is made from what is there.

    Args:
        data_dir: the data folder; None if the dataset is published or the user's own.

    Raises:
        InputError: there is no such dataset or folder, or it must be downloaded before its classes are known.
    """
    check_dataset_name(name)
    if library := _library(name):
        return _spec_of_library(library, name, data_dir or Path())
    return find_spec(name) or _layout(name).spec_of(name, own_path(name))


def _spec_of_library(library: Library, name: str, data_dir: Path) -> DatasetSpec:
    source = library.locate(name, data_dir)
    spec = find_spec(name) if source is None or source.missing or source.spec is None else source.spec()
    if spec is None:
        raise InputError(
            f"dataset {name} is not in {data_dir}, so that its classes are unknown: a full run downloads it"
        )
    return spec


def _library(name: str) -> Library | None:
    """Return the library that has the dataset; None for any other dataset."""
    return _LIBRARIES.get(prefix_of(name))


def _layout(name: str) -> Layout:
    """Return the layout of the user's own images."""
    return _LAYOUTS[prefix_of(name)]


def locate(name: str, data_dir: Path, *, resize: Resize | None = None) -> Source | None:
    """Return the dataset found on disk, or None.

    Args:
        resize: the square to which the user's own images and those of a library are resized; None keeps their sizes.

    Raises:
        InputError: there is no dataset of that name, or the files in its place are something else.
    """
    if library := _library(check_dataset_name(name)):
        return library.locate(name, data_dir, resize_to=resize)
    spec = get_spec(name)
    if is_own_images(name):
        return _layout(name).locate(own_path(name), spec, resize_to=resize)
    if name == "digits":
        return digits.locate()
    source = _publisher(name).locate(data_dir)
    if source is None or source.missing:
        _require_reachable(data_dir / name, *([source.path] if source else []))
    if source is None and class_folders.has_class_folders(data_dir / name):
        track_of = gtsrb.track_in_file_name if name == "gtsrb" else class_folders.no_track
        source = class_folders.locate(data_dir / name, spec, track_of=track_of)
    return source


def _require_reachable(*folders: Path) -> None:
    """Raise an `InputError` for a link to files on a disk that is not mounted: they are not absent."""
    for folder in folders:
        if is_present_folder(folder):
            list_folder(folder)


def _publisher(name: str) -> Publisher:
    extension = None if name in _PUBLISHERS else find_extension(name)
    if extension is None:
        return _PUBLISHERS[name]
    if not isinstance(extension.provider, Publisher):
        missing = [one for one in _PUBLISHER_ATTRIBUTES if not hasattr(extension.provider, one)]
        raise InputError(f"{extension.origin} lacks {', '.join(missing)}: see harness.data.source.Publisher")
    return extension.provider


def how_to_get(name: str, data_dir: Path) -> str:
    """Return instructions for an absent dataset: which files to put into which folder."""
    if library := _library(name):
        return library.how_to_get(name, data_dir)
    folder = data_dir / name
    classes = f"{folder}/train/<class>/* and {folder}/test/<class>/*"
    return f"put {_publisher(name).FILES}, into {folder}\nor images into {classes}"


def locate_or_download(
    name: str, data_dir: Path, *, resize: Resize | None = None, notify: Callable[[str], None] = lambda _: None
) -> Source:
    """Return the dataset found on disk; download it first if it, or one of its files, is missing.

    Args:
        resize: as for `locate`.
        notify: callback that receives a line before a download.

    Raises:
        InputError: the dataset is missing and could not be downloaded.
    """
    source = locate(name, data_dir, resize=resize)
    if source is None or source.missing:
        lack = f"dataset {name} is not in {data_dir}"
        if source is not None:
            lack = f"dataset {name} in {source.path} lacks {listed(source.missing)}"
        notify(f"{lack}: downloading it")
        try:
            _download(name, data_dir)
        except InputError as error:
            raise InputError(f"{lack}, and {error}") from error
        source = locate(name, data_dir, resize=resize)
    if source is None:
        raise InputError(f"dataset {name} is still not in {data_dir} after its download: {how_to_get(name, data_dir)}")
    return source


def _download(name: str, data_dir: Path) -> None:
    forget_keys()
    if library := _library(name):
        library.download(name, data_dir)
    else:
        _publisher(name).download(data_dir)


@dataclass(frozen=True)
class _Listener:
    """A callback for lines about the loading; all are equal, since none changes the dataset."""

    notify: Callable[[str], None] = field(compare=False)


def load(
    name: str,
    data_dir: str | Path,
    *,
    resize: Resize | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Dataset:
    """Return the whole dataset: mapped from its cache, see `harness.data.cache`, or in memory.

    The four loaded last are kept.

    Args:
        resize: as for `locate`.
        notify: callback that receives lines about the cache, and a `harness.text.ProgressLine` now and then.

    Raises:
        InputError: the dataset is absent (see `locate_or_download`), damaged or incomplete. The message names the file.
    """
    return _load(name, Path(data_dir), resize, _Listener(notify))


def forget_loaded() -> None:
    """Remove all datasets from memory, so that they are read from the disk again."""
    _load.cache_clear()
    load_slice.cache_clear()
    forget_findings()


@functools.lru_cache(maxsize=4)
def _load(name: str, data_dir: Path, resize: Resize | None, listener: _Listener) -> Dataset:
    with each_key_once():
        source = locate(name, data_dir, resize=resize)
        if source is None:
            raise InputError(f"dataset {name} is not in {data_dir}: {how_to_get(name, data_dir)}")
        spec = _found_spec(name, source)
        images = load_images(source, spec, data_dir, resize, listener.notify)
        keep_finding(name, source.path, data_dir)
    return Dataset(spec, images.train, images.test, f"{source.layout} in {source.path}", images.fingerprint)


def _found_spec(name: str, source: Source) -> DatasetSpec:
    return get_spec(name) if source.spec is None else source.spec()


@functools.lru_cache(maxsize=8)
def load_slice(
    name: str, data_dir: Path, train_images: int, test_images: int, *, resize: Resize | None = None
) -> Dataset:
    """Return a few images, evenly spaced over the dataset, for quick mode; resized digits if it is absent.

    Args:
        resize: as for `locate`.

    Raises:
        InputError: a user's folder is absent, or a file is damaged.
    """
    source = locate(name, data_dir, resize=resize)
    if source is None:
        spec = find_spec(name) or replace(SPECS["digits"], name=name, channels=3, image_size=None)
        shown = spec if resize is None or not is_resized(name) else replace(spec, image_size=resize.size)
        stand_in = _dataset(spec, *digits.stand_in(shown, train_images, test_images), "digits standing in")
        return replace(stand_in, is_stand_in=True)
    return _dataset(
        _found_spec(name, source), *source.read(train_images, test_images), f"{source.layout} in {source.path}"
    )


def _dataset(spec: DatasetSpec, train: ImageSet, test: ImageSet, origin: str) -> Dataset:
    return Dataset(spec, train, test, origin, fingerprint_of(spec, train, test))
