"""The layout ``train/<class>/*``, ``test/<class>/*``, for the user's own images and any other dataset."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.config.datasets import DatasetSpec
from harness.data.decoding import ImageFile, decode, file_on_disk
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source, unverifiable
from harness.errors import InputError

_SPLITS = ("train", "test")
_TRACK_NAME = re.compile(r"(?:[0-9]{5}_)?([0-9]{5})_[0-9]{5}")


def has_class_folders(root: Path) -> bool:
    """Return whether ``root`` has a ``train`` and a ``test`` folder, each with class folders."""
    return all((root / split).is_dir() and any(_class_folders(root / split)) for split in _SPLITS)


def locate(root: Path, spec: DatasetSpec, *, resize_to: int | None = None) -> Source:
    """Return the dataset in class folders under ``root``.

    Args:
        resize_to: side in pixels to which every image is resized; None requires the dataset's own size.
    """

    def count() -> tuple[int, int]:
        train, test = (list_files(root / split, spec.class_names) for split in _SPLITS)
        return len(train), len(test)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        def part(split: str, limit: int | None) -> ImageSet:
            files = list_files(root / split, spec.class_names)
            chosen = [files[position] for position in evenly_spaced(len(files), limit)]
            size = resize_to or spec.image_size
            return decode(chosen, channels=spec.channels, size=size, resize=resize_to is not None)

        return part("train", train_limit), part("test", test_limit)

    return Source("class folders", root, count, unverifiable, read)


def class_names(root: Path) -> tuple[str, ...]:
    """Return the classes of the user's own images: the folders' names under ``root/train``, sorted.

    Names that are all numbers are sorted numerically.

    Raises:
        InputError: ``root`` does not exist, or has fewer than two class folders.
    """
    if not os.path.isdir(root):  # Path.is_dir raises if a name is too long
        raise InputError(
            f"folder {root} does not exist: give folder:PATH, with PATH/train/<class>/* and PATH/test/<class>/*"
        )
    for split in _SPLITS:
        if not (root / split).is_dir() or not _class_folders(root / split):
            raise InputError(f"{root / split} has no class folders: images belong in {root / split}/<class>/*")
    names = [folder.name for folder in _class_folders(root / "train")]
    if len(names) < 2:
        raise InputError(f"{root / 'train'} has one class folder, {names[0]!r}: add at least one more class")
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else sorted(names))


def list_files(folder: Path, names: Sequence[str]) -> list[ImageFile]:
    """List every image file in ``folder/<class>/``, by class, then by name; skip hidden files.

    A folder belongs to the class of its name. If the folders' names are numbers and the classes' are not, the number is
    the label (``00000`` … for GTSRB, ``0`` … for any dataset).

    Raises:
        InputError: a class is missing, unknown or empty. The message names the folder.
    """
    labels = _labels_of_folders(folder, names)
    files: list[ImageFile] = []
    for path, label in labels.items():
        images = sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
        images = [entry for entry in images if entry.suffix.lower() not in {".csv", ".txt", ".json", ".md"}]
        if not images:
            raise InputError(f"class folder {path} is empty: every class needs at least one image")
        files += [file_on_disk(image, label, _track(image, label)) for image in images]
    return files


def _track(image: Path, label: int) -> str | None:
    """Return the track of ``track_shot`` or Kaggle's ``class_track_shot``, GTSRB's names; else None."""
    match = _TRACK_NAME.fullmatch(image.stem)
    return f"{label:05d}_{match[1]}" if match else None


def _class_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"folder {folder} does not exist: images belong in {folder}/<class>/*")
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _labels_of_folders(folder: Path, names: Sequence[str]) -> dict[Path, int]:
    """Return each class folder with its label, in label order."""
    folders = {path.name: path for path in _class_folders(folder)}
    wanted = {_as_folder_name(name): label for label, name in enumerate(names)}
    if _are_label_numbers(folders, wanted):
        numbers = sorted(name for name in folders if int(name) < len(names))
        wanted = {name: int(name) for name in numbers}
        missing = [str(label) for label in range(len(names)) if label not in wanted.values()]
        if not missing and len(wanted) > len(names):
            raise InputError(f"{folder} has two class folders with the same number: {', '.join(numbers)}; remove one")
    else:
        missing = [name for name in wanted if name not in folders]
    if missing:
        raise InputError(
            f"{folder} lacks class folder {missing[0]!r}: add it; each of the {len(names)} classes needs one"
        )
    if unknown := sorted(set(folders) - set(wanted)):
        raise InputError(
            f"unknown class folder {folder / unknown[0]}: rename or remove it; the classes are {', '.join(names)}"
        )
    return {folders[name]: label for name, label in sorted(wanted.items(), key=lambda item: item[1])}


def _are_label_numbers(found: Iterable[str], names: Mapping[str, int]) -> bool:
    """Return whether the folders' names are labels, e.g. ``0`` or GTSRB's ``00000``, not class names.

    Names of the user's own classes that are numbers are not labels, unless they are 0 to n − 1 as labels are.
    """
    found = set(found)
    own_numbers = all(name.isdecimal() for name in names) and set(names) != {str(label) for label in names.values()}
    return bool(found) and found != set(names) and not own_numbers and all(name.isdecimal() for name in found)


def _as_folder_name(name: str) -> str:
    """Return the folder name of a class: ``T-shirt-top`` for ``T-shirt/top``."""
    return name.replace("/", "-")
