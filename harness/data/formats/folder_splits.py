"""The folders of the splits under the user's own images, however they are spelled."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from harness.data.formats.folder_listing import is_present_folder, list_folder
from harness.data.formats.folder_names import canonical_name, shown
from harness.data.formats.split_names import HELD_OUT_NOTE, ROLES, Role, by_role, choose_test_role, note_of
from harness.errors import InputError
from harness.text import MOST_NAMED, listed_up_to

_LAYOUTS_OF_ENDINGS = {".csv": "csv", ".tsv": "csv", ".npz": "npz", ".npy": "npz"}
_LAYOUT = "give folder:PATH, with PATH/train/<class>/* and PATH/test/<class>/*, or PATH/<class>/*"


@dataclass(frozen=True)
class Splits:
    """The folders of class folders.

    Attributes:
        train: name of the folder with the training images, ``.`` without a split.
        test: name of the folder with the test images; None without a split.
        note: what the layout's name says of them.
    """

    train: str
    test: str | None
    note: str = ""


PUBLISHED_SPLITS = Splits("train", "test")
"""The folders of a published dataset in class folders."""


def find_splits(root: Path) -> Splits:
    """Return the folders of the splits under the user's own images.

    Raises:
        InputError: ``root`` is no folder, lacks a split, or is the folder above the images.
    """
    _require_folder(root)
    folders = list_folder(root)[0]
    found = by_role([folder.name for folder in folders], root)
    test = choose_test_role(found)
    if "train" in found and test is not None:
        return Splits(found["train"], found[test], note_of(found))
    if found:
        raise InputError(_lacks_split(root, found))
    _require_class_folders(root, folders)
    return Splits(".", None, HELD_OUT_NOTE)


def _require_folder(root: Path) -> None:
    if is_present_folder(root):
        return
    if not os.path.exists(root):
        raise InputError(f"folder {root} does not exist: {_LAYOUT}")
    layout = _LAYOUTS_OF_ENDINGS.get(root.suffix.lower())
    raise InputError(f"{root} is not a folder: {f'give {layout}:{root}' if layout else _LAYOUT}")


def _lacks_split(root: Path, found: dict[Role, str]) -> str:
    """Return the message for a split without its counterpart."""
    if "train" not in found:
        name = next(iter(found.values()))
        return f"{root} has {name}/ but no train/ beside it: add it; if {shown(name)} is a class, rename that folder"
    train = found["train"]
    return (
        f"{root} has {train}/ but no test/ or val/ beside it: add one, or give folder:{root / train} to hold out "
        f"test images\nif {shown(train)} is a class, rename that folder"
    )


def _require_class_folders(root: Path, folders: list[Path]) -> None:
    """Raise an `InputError` for a folder above the images, and for splits of other names."""
    if len(folders) == 1 and len(inner := list_folder(folders[0])[0]) > 1:
        names = listed_up_to([f"{one.name}/" for one in inner], MOST_NAMED, "folder")
        raise InputError(f"{root} has only {folders[0].name}/, with {names} in it: give folder:{folders[0]}")
    if len(folders) == 1 and len(inner) == 1:
        _require_class_folders(folders[0], inner)
    if len(folders) > 1 and all(_has_split_in_name(folder.name) and list_folder(folder)[0] for folder in folders):
        names = listed_up_to([f"{one.name}/" for one in folders], MOST_NAMED, "folder")
        raise InputError(f"{root} has {names}, which look like splits: rename them to train/ and test/")


def _has_split_in_name(name: str) -> bool:
    words = re.split(r"[\W_]+", canonical_name(name).casefold())
    return any(word in ROLES for word in words)
