"""Listing of folders of images: every image is taken, or an error names it."""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.data.formats.folder_names import canonical_name, plain
from harness.data.formats.leftovers import is_leftover, is_note, is_placeholder
from harness.data.image_formats import image_endings
from harness.errors import FaultList, InputError
from harness.text import MOST_NAMED, listed_up_to

_SPECIAL_FILES = ((stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))


def is_present_folder(path: Path) -> bool:
    """Return whether the path is a folder; False if nothing is there.

    Raises:
        InputError: the path is, or leads through, a link whose target is missing, or cannot be read.
    """
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        for place in (path, *path.parents):
            if os.path.islink(place) and not os.path.exists(place):
                raise InputError(_missing_target(place)) from None
        return False
    except ValueError:  # a null character, or one that the locale cannot encode
        return False
    except OSError as error:
        raise InputError(_unreadable(path, error)) from error


def is_present(path: Path) -> bool:
    """Return whether a folder or a file is there; see `is_present_folder`."""
    return is_present_folder(path) or os.path.exists(path)


def list_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders and the files in a folder, each sorted by name; links are followed.

    Leftovers of systems are skipped.

    Raises:
        InputError: something is neither a folder nor a file, or cannot be reached. The message names all faults.
    """
    faults = FaultList()
    content = _scan(folder, faults)
    faults.raise_any()
    return content


def _scan(folder: Path, faults: FaultList) -> tuple[list[Path], list[Path]]:
    """Return the folders and files that can be reached; add the faults of the others."""
    folders: list[Path] = []
    files: list[Path] = []
    with faults:
        try:
            with os.scandir(folder) as scan:
                entries = sorted((one for one in scan if not is_leftover(one.name)), key=lambda one: name_key(one.name))
        except OSError as error:
            raise InputError(_unreadable(folder, error)) from error
        for entry in entries:
            with faults:
                (folders if _is_folder(entry) else files).append(folder / entry.name)
    return folders, files


def list_images(
    folder: Path, check_folder: Callable[[Path], None] = lambda _: None, strangers: list[Path] | None = None
) -> list[Path]:
    """Return the images in a folder and its sub-folders, in the order of torchvision's ImageFolder.

    Args:
        check_folder: called with each sub-folder; raises an `InputError` for one that must not be there.
        strangers: receives the files of endings that are not read, for `require_no_strangers`, to name those
            of many folders together; None: those of this folder raise it.

    Raises:
        InputError: files of an ending are not read, or something cannot be reached. The message names all faults.
    """
    by_folder: dict[str, list[Path]] = defaultdict(list)
    faults = FaultList()
    pending = [(folder, frozenset(map(_identity, {*folder.parents, *folder.resolve().parents})))]
    while pending:
        current, containing = pending.pop()
        with faults:
            identity = _identity(current)
            if identity in containing:
                raise InputError(f"link {current} leads back to a folder that contains it: remove the link")
            if current != folder:
                check_folder(current)
            folders, here = _scan(current, faults)
            pending += [(one, containing | {identity}) for one in folders]
            by_folder[canonical_name(current.as_posix())] += [one for one in here if not is_note(one.name)]
    files = [file for name in sorted(by_folder) for file in sorted(by_folder[name], key=lambda one: name_key(one.name))]
    others = [one for one in files if not _may_be_image(one)]
    if strangers is None:
        with faults:
            require_no_strangers(others, folder)
    else:
        strangers += others
    faults.raise_any()
    return [one for one in files if _may_be_image(one)] if others else files


def name_key(name: str) -> tuple[str, str]:
    """Return the key that sorts names alike on every system and in every locale."""
    return canonical_name(name), name


def require_no_strangers(files: Sequence[Path], root: Path) -> None:
    """Raise an `InputError` that names the files of endings that are not read, if any."""
    if len(files) == 1:
        ending = _ending(files[0])
        raise InputError(f"{files[0]}: {ending} files are not read; convert it to PNG or JPEG, or remove it")
    if files:
        names = sorted((plain(file.relative_to(root).as_posix()) for file in files), key=name_key)
        named = listed_up_to(names, MOST_NAMED, "file")
        raise InputError(
            f"{root}: {len(files):,} files are no images that are read ({named}): "
            "convert them to PNG or JPEG, or remove them"
        )


def _may_be_image(path: Path) -> bool:
    """Return False for an ending of files that are not read."""
    ending = _ending(path)
    return not ending or ending in image_endings()


def _ending(path: Path) -> str:
    return path.suffix.lower().strip()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return True for a folder, False for a file.

    Raises:
        InputError: it is neither, or a link that leads nowhere, or a file that is only in iCloud.
    """
    if is_placeholder(entry.name):
        raise InputError(f"{entry.path} is a placeholder for an image in iCloud: download the image")
    try:
        if entry.is_dir():
            return True
        if entry.is_file():
            return False
        mode = entry.stat().st_mode
    except OSError as error:
        path = Path(entry.path)
        is_dangling = isinstance(error, FileNotFoundError) and entry.is_symlink()
        raise InputError(_missing_target(path) if is_dangling else _unreadable(path, error)) from error
    kind = next((kind for is_kind, kind in _SPECIAL_FILES if is_kind(mode)), "a device")
    raise InputError(f"{entry.path} is {kind}, not an image: remove it")


def _missing_target(link: Path) -> str:
    target = os.readlink(link)
    return f"link {link} leads to {target}, which does not exist: is its disk mounted? Restore it, or remove the link"


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path} cannot be read: {error.strerror or error}"


def _identity(folder: Path) -> tuple[int, int]:
    try:
        state = os.stat(folder)
    except OSError as error:
        raise InputError(_unreadable(folder, error)) from error
    return state.st_dev, state.st_ino
