"""Finding, fetching and loading datasets by name: the one way in."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from harness.config.datasets import SPECS, DatasetSpec, check_dataset_name, folder_path, is_folder
from harness.data.formats import cifar10, class_folders, digits, fashionmnist, gtsrb
from harness.data.images import ImageSet, fingerprint
from harness.data.source import Source
from harness.errors import InputError

_PUBLISHERS: dict[str, ModuleType] = {"cifar10": cifar10, "fashionmnist": fashionmnist, "gtsrb": gtsrb}


@dataclass(frozen=True)
class Dataset:
    """A dataset in memory.

    Attributes:
        origin: layout and place in a person's words.
        fingerprint: SHA-256 of the images and labels.
        is_stand_in: digits in the dataset's shape, for quick mode without data.
    """

    spec: DatasetSpec
    train: ImageSet
    test: ImageSet
    origin: str
    fingerprint: str
    is_stand_in: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it has as many training and test images as published: only then may published figures be compared."""
        return (len(self.train), len(self.test)) == (self.spec.train_images, self.spec.test_images)


def get_spec(name: str) -> DatasetSpec:
    """What the dataset of that name is; a user's folder is looked at for its classes.

    Raises:
        InputError: no such dataset, or no such folder.
    """
    check_dataset_name(name)
    return _folder_spec(name) if is_folder(name) else SPECS[name]


def _folder_spec(name: str) -> DatasetSpec:
    root = folder_path(name)
    classes = class_folders.class_names(root)
    files = [class_folders.list_files(root / split, classes) for split in ("train", "test")]
    return DatasetSpec(name, 3, None, classes, len(files[0]), len(files[1]))


def locate(name: str, data_dir: Path, *, image_size: int | None = None) -> Source | None:
    """Where the dataset lies, or None.

    Args:
        image_size: for a user's folder, the side that its images are brought to.

    Raises:
        InputError: no such dataset, or what lies in its place is not it.
    """
    spec = get_spec(name)
    if is_folder(name):
        return class_folders.locate(folder_path(name), spec, resize_to=image_size)
    if name == "digits":
        return digits.locate()
    source: Source | None = _PUBLISHERS[name].locate(data_dir)
    if source is None and class_folders.has_class_folders(data_dir / name):
        source = class_folders.locate(data_dir / name, spec)
    return source


def how_to_get(name: str, data_dir: Path) -> str:
    """Which files belong where, for a dataset that is absent."""
    folder = data_dir / name
    classes = f"{folder}/train/<class>/* and {folder}/test/<class>/*"
    return f"put {_PUBLISHERS[name].FILES}, into {folder}\nor images into {classes}"


def locate_or_download(
    name: str, data_dir: Path, *, image_size: int | None = None, notify: Callable[[str], None] = lambda _: None
) -> Source:
    """Where the dataset lies, downloaded first where it, or a file of it, is absent.

    Raises:
        InputError: it is absent and could not be downloaded.
    """
    source = locate(name, data_dir, image_size=image_size)
    if source is None or source.missing:
        lack = f"dataset {name} is not in {data_dir}"
        if source is not None:
            lack = f"dataset {name} in {source.path} lacks {', '.join(source.missing)}"
        notify(f"{lack}: downloading it")
        try:
            _PUBLISHERS[name].download(data_dir)
        except InputError as error:
            raise InputError(f"{lack}, and {error}") from error
        source = locate(name, data_dir)
    if source is None:
        raise InputError(f"dataset {name} is still not in {data_dir} after its download: {how_to_get(name, data_dir)}")
    return source


@functools.lru_cache(maxsize=4)
def load(name: str, data_dir: Path, *, image_size: int | None = None) -> Dataset:
    """The whole dataset, which must be there (see `locate_or_download`). The last few loaded are kept in memory.

    Raises:
        InputError: it is absent, damaged or incomplete in a way that its layout can tell. It names the file.
    """
    source = locate(name, data_dir, image_size=image_size)
    if source is None:
        raise InputError(f"dataset {name} is not in {data_dir}: {how_to_get(name, data_dir)}")
    return _dataset(get_spec(name), *source.read(None, None), f"{source.layout} in {source.path}")


@functools.lru_cache(maxsize=8)
def load_slice(
    name: str, data_dir: Path, train_images: int, test_images: int, *, image_size: int | None = None
) -> Dataset:
    """A few images spread over the dataset, for quick mode; digits in its shape where it is absent.

    Raises:
        InputError: a user's folder is absent, or what is there is damaged.
    """
    source = locate(name, data_dir, image_size=image_size)
    spec = get_spec(name)
    if source is None:
        stand_in = _dataset(spec, *digits.stand_in(spec, train_images, test_images), "digits standing in")
        return replace(stand_in, is_stand_in=True)
    return _dataset(spec, *source.read(train_images, test_images), f"{source.layout} in {source.path}")


def _dataset(spec: DatasetSpec, train: ImageSet, test: ImageSet, origin: str) -> Dataset:
    own_names = spec.class_names if is_folder(spec.name) else ()
    return Dataset(spec, train, test, origin, fingerprint(train, test, class_names=own_names))
