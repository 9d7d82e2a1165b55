"""The layout ``train/<class>/*``, ``test/<class>/*``, for the user's own images and any other dataset.

The user's own test images may be in ``val`` instead (``valid``, ``validation``). If both are there, ``test`` has the
test images and ``val`` is not used. Without a split, with ``<class>/*`` alone, 20 % of each class are held out as the
test images. The layout's name, which the terminal and the result show, says which of these it was. A folder named
``train``, ``test`` or ``val``, upper-case or not, is a split and never a class.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from harness.config.datasets import DatasetSpec, is_own_images
from harness.config.recipe import Resize
from harness.data.decoding import ImageFile, file_on_disk
from harness.data.findings import Finding, find
from harness.data.formats.folder_listing import is_present_folder, list_folder, list_images, require_no_strangers
from harness.data.formats.folder_names import canonical_name, composed, look_alike_key, plain, shown
from harness.data.formats.folder_splits import PUBLISHED_SPLITS, Splits, find_splits
from harness.data.formats.image_files import Lists, own_spec, source_of
from harness.data.formats.labels import hold_out, sorted_classes
from harness.data.formats.leftovers import is_note
from harness.data.source import Source, tree_key
from harness.errors import FaultList, InputError, results_of_both
from harness.text import listed_up_to, spelled_out

_SHOWN_FOLDERS = 5
_SHOWN_FILES = 3

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
        is_present_folder(root / split) and list_folder(root / split)[0] for split in ("train", "test")
    )


def locate(root: Path, spec: DatasetSpec, *, resize_to: Resize | None = None, track_of: TrackOf = no_track) -> Source:
    """Return the dataset in class folders under ``root``.

    Args:
        resize_to: the square to which every image is resized; None requires the dataset's own size.
        track_of: the tracks that the dataset's file names show.
    """
    is_own = is_own_images(spec.name)
    splits = find_splits(root) if is_own else PUBLISHED_SPLITS
    list_both = partial(list_splits, root, splits, spec.class_names, is_own=is_own, track_of=track_of)
    key = partial(_key, root, splits)
    return source_of(f"class folders{splits.note}", root, spec, list_both, resize_to=resize_to, key=key)


def _key(root: Path, splits: Splits) -> str:
    return tree_key(*(root / name for name in (splits.train, splits.test) if name is not None))


def spec_of(name: str, path: Path) -> DatasetSpec:
    """Return the spec of the user's own images in class folders; see `harness.data.source.Layout`."""
    splits = find_splits(path)

    def look() -> Finding:
        classes = class_names(path)
        spec = own_spec(name, classes, list_splits(path, splits, classes, is_own=True))
        return Finding(f"class folders{splits.note}", spec)

    return find(name, path, Path(), partial(_key, path, splits), look).spec


def class_names(root: Path) -> tuple[str, ...]:
    """Return the classes of the user's own images: the folders' names in NFC, sorted.

    Names that are all numbers are sorted numerically.

    Raises:
        InputError: ``root`` does not exist, or has fewer than two class folders.
    """
    splits = find_splits(root)
    train = root / splits.train
    if splits.test is None:
        names = _class_folders(train)
    else:
        names, _ = results_of_both(partial(_class_folders, train), partial(_class_folders, root / splits.test))
    if len(names) < 2:
        raise InputError(_one_class(train, *names.values()))
    return sorted_classes(names)


def _one_class(folder: Path, only: Path) -> str:
    """Return the message for a single class folder, which may be the folder above the classes."""
    inner = [f"{one.name}/" for one in list_folder(only)[0]]
    if len(inner) > 1:
        named = listed_up_to(inner, _SHOWN_FILES, "folder")
        return f"{folder} has only {only.name}/, with {named} in it: move them into {folder} if they are the classes"
    return f"{folder} has one class folder, {shown(canonical_name(only.name))}: add at least one more class"


def list_splits(
    root: Path, splits: Splits, names: Sequence[str], *, is_own: bool, track_of: TrackOf = no_track
) -> Lists:
    """Return the training and the test images under ``root``; see `list_files`."""
    strangers: list[Path] = []
    faults = FaultList()
    folders = [root / split for split in (splits.train, splits.test) if split is not None]
    calls = (partial(list_files, one, names, is_own=is_own, track_of=track_of, strangers=strangers) for one in folders)
    lists = [*faults.results_of(calls)]
    with faults:
        require_no_strangers(strangers, root)
    faults.raise_any()
    if splits.test is not None:
        return lists[0], lists[1]
    train, test = hold_out([file.label for file in lists[0]], names, root)
    return [lists[0][position] for position in train], [lists[0][position] for position in test]


def list_files(
    folder: Path,
    names: Sequence[str],
    *,
    is_own: bool = False,
    track_of: TrackOf = no_track,
    strangers: list[Path] | None = None,
) -> list[ImageFile]:
    """List every image in ``folder/<class>/`` and its sub-folders, by class, then by sub-folder and name.

    A folder belongs to the class of its name. If the folders' names are numbers, the number may be the label
    (``00000`` … for GTSRB, ``0`` … for any published dataset; for the user's own images if their classes are numbers).

    Args:
        strangers: see `list_images`.

    Raises:
        InputError: a class is missing, unknown or empty, or images cannot be taken. The message names them.
    """
    faults = FaultList()
    labels = _labels_of_folders(folder, names, is_own)
    classes = {canonical_name(path.name) for path in labels}
    calls = [partial(_images_of_class, path, classes - {canonical_name(path.name)}, strangers) for path in labels]
    images = [*faults.results_of(calls)]
    faults.raise_any()
    return [
        file_on_disk(image, label, track_of(image, label))
        for paths, label in zip(images, labels.values(), strict=True)
        for image in paths
    ]


def _images_of_class(folder: Path, others: Iterable[str], strangers: list[Path] | None) -> list[Path]:
    def check(below: Path) -> None:
        if canonical_name(below.name) in others:
            raise InputError(f"{below} has the name of another class: move it into {folder.parent}, or rename it")

    before = len(strangers or ())
    images = list_images(folder, check, strangers)
    if not images and len(strangers or ()) == before:
        raise InputError(f"class folder {folder} is empty: every class needs at least one image")
    return images


def _class_folders(folder: Path) -> dict[str, Path]:
    """Return the class folders by their names in NFC, sorted.

    Raises:
        InputError: there are none, images lie beside them, or a name is ambiguous.
    """
    folders, files = list_folder(folder) if is_present_folder(folder) else ([], [])
    by_name: dict[str, Path] = {}
    faults = FaultList()
    for path in folders:
        with faults:
            name = spelled_out(canonical_name(path.name))
            if name in by_name:
                same = ascii(by_name[name].name), ascii(path.name)
                raise InputError(f"{folder} has two class folders named {name!r}, {same[0]} and {same[1]}: merge them")
            by_name[name] = path
    with faults:
        _require_in_class_folders([file for file in files if not is_note(file.name)], folder)
    faults.raise_any()
    if not by_name:
        raise InputError(f"{folder} has no class folders: images belong in {folder}/<class>/*")
    return by_name


def _require_in_class_folders(files: Sequence[Path], folder: Path) -> None:
    """Raise an `InputError` that names the files which lie beside the class folders, if there are any."""
    if len(files) == 1:
        raise InputError(f"{files[0]} is in no class folder: move it into one of {folder}, or remove it")
    if files:
        named = listed_up_to([plain(file.name) for file in files], _SHOWN_FILES, "file")
        raise InputError(
            f"{folder}: {len(files):,} files are in no class folder ({named}): move them into {folder}/<class>, "
            "or remove them"
        )


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
