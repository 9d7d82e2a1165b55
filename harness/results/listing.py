"""The contents of a results folder: results, unfinished cases, and folders that cannot be looked into."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from harness.errors import InputError
from harness.foreign_files import list_folder, read_regular
from harness.results.case_folder import RESULT, is_name_of_any_case
from harness.results.checked_files import EPOCHS
from harness.results.reading import most_epoch_bytes, read_result_in_its_folder
from harness.results.result import Result
from harness.results.training_now import is_in_training
from harness.text import count_noun


def read_all_results(root: Path) -> tuple[list[Result], list[str]]:
    """Read every result in a results folder; return them and a message for each that cannot be read.

    Raises:
        InputError: the results folder itself cannot be read.
    """
    results: list[Result] = []
    problems: list[str] = []
    for folder in _case_folders(root):
        try:
            results.append(read_result_in_its_folder(folder / RESULT))
        except FileNotFoundError:
            if not folder.is_dir():
                problems.append(f"{folder} is a link to a folder that does not exist")
        except InputError as error:
            problems.append(str(error))
    return results, problems


def list_unfinished(root: Path) -> tuple[list[str], list[str]]:
    """List the started cases without a result, and a message for each unreadable folder.

    Raises:
        InputError: the results folder itself cannot be read.
    """
    started: list[str] = []
    problems: list[str] = []
    for folder in _case_folders(root):
        try:
            if not _has_result(folder) and any(map(_is_checkpoint, list_folder(folder))):
                started.append(_state(folder))
        except OSError as error:
            problems.append(f"{folder} cannot be read: {error.strerror}")
    return started, problems


def names_with_result(root: Path) -> list[str]:
    """Return the names of the folders in ``root`` that have a ``result.json``, in order."""
    return [folder.name for folder in _case_folders(root) if _has_result(folder)] if root.is_dir() else []


def require_readable(root: Path) -> None:
    """Raise an `InputError` if a results folder exists and cannot be read."""
    _case_folders(root)


def _case_folders(root: Path) -> Iterator[Path]:
    """Yield the folders in a results folder; also what should be one and is not, for its reader to name."""
    try:
        paths = list_folder(root)
    except OSError as error:
        raise InputError(f"results folder {root} cannot be read: {error.strerror}") from error
    return filter(_should_be_folder, paths)


def _should_be_folder(path: Path) -> bool:
    """Return whether a path is a folder, cannot be read, or is a dangling link with a case's name."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode) or is_name_of_any_case(path.name)
    except FileNotFoundError:
        return is_name_of_any_case(path.name)
    except OSError:
        return True


def _has_result(folder: Path) -> bool:
    """Return whether a folder has a ``result.json``, readable or not."""
    try:
        os.stat(folder / RESULT)
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def _is_checkpoint(path: Path) -> bool:
    return path.name.startswith("checkpoint-") and path.name.endswith(".safetensors")


def _state(folder: Path) -> str:
    """Return the line on a started case: the number of its epochs, and who trains it."""
    try:
        count = read_regular(folder / EPOCHS, most_epoch_bytes()).count(b"\n")
    except FileNotFoundError:
        count = 0
    except OSError as error:
        return f"not finished: {folder.name}, its {EPOCHS} cannot be read: {error.strerror}"
    epochs = f"{count_noun(count, 'epoch')} so far"
    if is_in_training(folder):
        return f"being trained now: {folder.name}, {epochs}"
    return f"not finished: {folder.name}, {epochs}; rerun the command to resume"
