"""The folder of a case inside a results folder, under the present or an earlier name of its images."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from harness.config.case import Case, Mode
from harness.config.datasets import is_own_images, kind_of
from harness.errors import InputError
from harness.foreign_files import list_folder

RESULT = "result.json"
_NAME = re.compile(rf".+-seed\d+-(?:{'|'.join(get_args(Mode))})-[0-9a-f]{{12}}", re.DOTALL)


def find_case_folder(root: Path, case: Case) -> Path:
    """Return the case's folder in a results folder, whether it exists or not.

    A user's images may have been moved or renamed since their case was trained. Of the folders whose names end with
    its identity, one with a result is returned, else the one last written to: a training stays in its folder.

    Raises:
        InputError: the case may be in a folder that cannot be read. The message names it.
    """
    own = root / case.folder_name
    if not is_own_images(case.dataset):
        return own
    found: list[tuple[bool, int, Path]] = []
    unreadable: list[InputError] = []
    for folder in _possible_folders(root, case):
        try:
            found.append((_has_result(folder), folder.stat().st_mtime_ns, folder))
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable.append(InputError(f"{folder} cannot be read: {error.strerror}"))
        if folder == own and found and found[0][0]:
            return own
    has_result, _, latest = max(found, key=lambda one: one[:2], default=(False, 0, own))
    if unreadable and not has_result:
        raise unreadable[0]
    return latest


def _possible_folders(root: Path, case: Case) -> Iterator[Path]:
    """Yield the case's folder, then its folders under other names of its images, in order of name."""
    yield root / case.folder_name
    try:
        paths = list_folder(root)
    except OSError as error:
        raise InputError(f"results folder {root} cannot be read: {error.strerror}") from error
    yield from (path for path in paths if path.name != case.folder_name and is_name_of_case(path.name, case))


def _has_result(folder: Path) -> bool:
    """Return whether a folder has a ``result.json``.

    Raises:
        OSError: the folder cannot be looked into.
    """
    try:
        os.stat(folder / RESULT)
    except FileNotFoundError:
        return False
    return True


def is_name_of_case(name: str, case: Case) -> bool:
    """Return whether a folder of that name can be the case's, whatever its images are called now."""
    may_be_renamed = is_own_images(case.dataset) and name.startswith(f"{kind_of(case.dataset)}-")
    return name == case.folder_name or (may_be_renamed and name.endswith(f"-{case.folder_suffix}"))


def is_name_of_any_case(name: str) -> bool:
    """Return whether a name has the form of a case's folder."""
    return _NAME.fullmatch(name) is not None
