"""The layout ``train/<class>/*``, ``test/<class>/*``, for the user's own images and any other dataset."""

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from harness.config.datasets import DatasetSpec, is_own_images
from harness.config.recipe import Resize
from harness.data.decoding import ImageFile, check_file, decode, file_on_disk
from harness.data.formats.folder_listing import is_present_folder, list_folder, list_images
from harness.data.formats.folder_names import canonical_name, composed, is_utf8, look_alike_key, plain, shown
from harness.data.formats.leftovers import is_note
from harness.data.headers import shape_in_headers
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source, unverifiable
from harness.errors import FaultList, InputError, results_of_both
from harness.text import listed_up_to

_SPLITS = ("train", "test")
_SHOWN_FOLDERS = 5

TrackOf = Callable[[Path, int], str | None]
"""Function from an image's path and label to its track; None for an image without one."""


def no_track(_: Path, __: int) -> None:
    """Return None: the tracks of images whose names show none."""


def has_class_folders(root: Path) -> bool:
    """Return whether ``root`` has a ``train`` and a ``test`` folder, each with class folders.

    Raises:
        InputError: one of them is a link whose target is missing, or cannot be read.
    """
    return is_present_folder(root) and all(
        is_present_folder(root / split) and list_folder(root / split)[0] for split in _SPLITS
    )


def locate(root: Path, spec: DatasetSpec, *, resize_to: Resize | None = None, track_of: TrackOf = no_track) -> Source:
    """Return the dataset in class folders under ``root``.

    Args:
        resize_to: the square to which every image is resized; None requires the dataset's own size.
        track_of: the tracks that the dataset's file names show.
    """
    size = resize_to or spec.image_size
    # Once for a source: a folder of many images is long to list.
    list_both = functools.cache(
        partial(list_splits, root, spec.class_names, is_own=is_own_images(spec.name), track_of=track_of)
    )

    def count() -> tuple[int, int]:
        train, test = list_both()
        return len(train), len(test)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        def part(files: list[ImageFile], limit: int | None) -> ImageSet:
            chosen = [files[position] for position in evenly_spaced(len(files), limit)]
            return decode(chosen, channels=spec.channels, size=size)

        train, test = list_both()
        return results_of_both(partial(part, train, train_limit), partial(part, test, test_limit))

    def check() -> None:
        faults = FaultList()
        required = None if resize_to else spec.image_size
        for file in itertools.chain(*list_both()):
            with faults:
                check_file(Path(file.name), required)
        faults.raise_any()

    return Source("class folders", root, count, unverifiable, read, check=check)


def spec_of(name: str, path: Path) -> DatasetSpec:
    """Return the spec of the user's own images in class folders; see `harness.data.source.Layout`."""
    classes = class_names(path)
    train, test = list_splits(path, classes, is_own=True)
    shape = shape_in_headers(Path(file.name) for file in [*train, *test])
    return DatasetSpec(name, shape.channels, shape.side, classes, len(train), len(test))


def class_names(root: Path) -> tuple[str, ...]:
    """Return the classes of the user's own images: the folders' names under ``root/train`` in NFC, sorted.

    Names that are all numbers are sorted numerically.

    Raises:
        InputError: ``root`` does not exist, or has fewer than two class folders.
    """
    if not is_present_folder(root):
        fault = f"{root} is not a folder" if os.path.exists(root) else f"folder {root} does not exist"
        raise InputError(f"{fault}: give folder:PATH, with PATH/train/<class>/* and PATH/test/<class>/*")
    names, _ = results_of_both(*(partial(_class_folders, root / split) for split in _SPLITS))
    if len(names) < 2:
        raise InputError(f"{root / 'train'} has one class folder, {shown(*names)}: add at least one more class")
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else sorted(names))


def list_splits(
    root: Path, names: Sequence[str], *, is_own: bool, track_of: TrackOf = no_track
) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the training and the test images under ``root``; see `list_files`."""
    return results_of_both(
        *(partial(list_files, root / split, names, is_own=is_own, track_of=track_of) for split in _SPLITS)
    )


def list_files(
    folder: Path, names: Sequence[str], *, is_own: bool = False, track_of: TrackOf = no_track
) -> list[ImageFile]:
    """List every image in ``folder/<class>/`` and its sub-folders, by class, then by sub-folder and name.

    A folder belongs to the class of its name. If the folders' names are numbers, the number may be the label
    (``00000`` … for GTSRB, ``0`` … for any published dataset; for the user's own images if their classes are numbers).

    Raises:
        InputError: a class is missing, unknown or empty, or images cannot be taken. The message names them.
    """
    faults = FaultList()
    labels = _labels_of_folders(folder, names, is_own)
    classes = {canonical_name(path.name) for path in labels}
    calls = [partial(_images_of_class, path, classes - {canonical_name(path.name)}) for path in labels]
    images = [*faults.results_of(calls)]
    faults.raise_any()
    return [
        file_on_disk(image, label, track_of(image, label))
        for paths, label in zip(images, labels.values(), strict=True)
        for image in paths
    ]


def _images_of_class(folder: Path, others: Iterable[str]) -> list[Path]:
    def check(below: Path) -> None:
        if canonical_name(below.name) in others:
            raise InputError(f"{below} has the name of another class: move it into {folder.parent}, or rename it")

    images = list_images(folder, check)
    if not images:
        raise InputError(f"class folder {folder} is empty: every class needs at least one image")
    return images


def _class_folders(folder: Path) -> dict[str, Path]:
    """Return the class folders by their names in NFC, sorted.

    Raises:
        InputError: there are none, images lie beside them, or a name is ambiguous or not UTF-8.
    """
    folders, files = list_folder(folder) if is_present_folder(folder) else ([], [])
    by_name: dict[str, Path] = {}
    faults = FaultList()
    for path in folders:
        with faults:
            name = _class_name(path)
            if name in by_name:
                same = ascii(by_name[name].name), ascii(path.name)
                raise InputError(f"{folder} has two class folders named {name!r}, {same[0]} and {same[1]}: merge them")
            by_name[name] = path
    for file in files:
        with faults:
            if not is_note(file.name):
                raise InputError(f"{file} is in no class folder: move it into one of {folder}, or remove it")
    faults.raise_any()
    if not by_name:
        raise InputError(f"{folder} has no class folders: images belong in {folder}/<class>/*")
    return by_name


def _class_name(folder: Path) -> str:
    name = canonical_name(folder.name)
    if not is_utf8(name):
        raise InputError(f"class folder {folder}: its name is not UTF-8, so results cannot hold it; rename it")
    return name


def _labels_of_folders(folder: Path, names: Sequence[str], is_own: bool) -> dict[Path, int]:
    """Return each class folder with its label, in label order."""
    folders = _class_folders(folder)
    wanted = {_as_folder_name(name): label for label, name in enumerate(names)}
    if _are_label_numbers(folders, wanted, is_own):
        numbers = sorted(name for name in folders if int(name) < len(names))
        wanted = {name: int(name) for name in numbers}
        missing = [str(label) for label in range(len(names)) if label not in wanted.values()]
        if not missing and len(wanted) > len(names):
            raise InputError(f"{folder} has two class folders with the same number: {', '.join(numbers)}; remove one")
    else:
        missing = [name for name in wanted if name not in folders]
    unknown = sorted(set(folders) - set(wanted))
    if missing:
        raise InputError(_lack(folder, missing, unknown, len(names)))
    if unknown:
        path, classes = plain(str(folder / unknown[0])), ", ".join(map(plain, names))
        raise InputError(f"unknown class folder {path}: rename or remove it; the classes are {classes}")
    return {folders[name]: label for name, label in sorted(wanted.items(), key=lambda item: item[1])}


def _lack(folder: Path, missing: Sequence[str], unknown: Sequence[str], classes: int) -> str:
    """Return the message for a missing class; name a folder that looks like it, or else the unknown ones."""
    similar = {look_alike_key(name): name for name in unknown}
    for name in missing:
        if found := similar.get(look_alike_key(name)):
            return (
                f"{folder} has class folder {shown(found)} for class {shown(name)}: rename it; "
                "the names differ in case, spaces or characters that are not seen"
            )
    text = f"{folder} lacks class folder {shown(missing[0])}: add it; each of the {classes} classes needs one"
    others = listed_up_to([shown(name) for name in unknown], _SHOWN_FOLDERS, "folder")
    return f"{text}\n{others} there: no class has that name" if unknown else text


def _are_label_numbers(found: Iterable[str], names: Iterable[str], is_own: bool) -> bool:
    """Return whether the folders' names are labels, e.g. ``0`` or GTSRB's ``00000``, not class names.

    Names of classes that are numbers are not labels, unless they are 0 to n − 1 as labels are.
    """
    found, names = set(found), set(names)
    are_labels = names == {str(label) for label in range(len(names))}
    may_be_labels = are_labels or not (is_own or all(name.isdecimal() for name in names))
    return found != names and may_be_labels and all(name.isdecimal() for name in found)


def _as_folder_name(name: str) -> str:
    """Return the folder name of a class: ``T-shirt-top`` for ``T-shirt/top``."""
    return composed(name).replace("/", "-")
