"""Results that a user names: all of a results folder, or one case's."""

import os
import stat
from pathlib import Path

from harness.errors import InputError
from harness.files import expand_home
from harness.results.case_folder import RESULT
from harness.results.declared_tuning import Trials, read_declared_tuning
from harness.results.folder import ResultsFolder
from harness.results.listing import names_with_result
from harness.results.reading import read_result_in_its_folder
from harness.results.result import Result
from harness.text import count_noun, listed_up_to

_MOST_NAMED = 5  # of the cases in a message


def load_results(
    folder: str | Path = "results", *, skip_damaged: bool = False, with_trials: bool = False
) -> list[Result]:
    """Return every result in a results folder, in the order of the cases' folder names.

    Args:
        folder: The folder that ``--results-dir`` named.
        skip_damaged: Leave out results that cannot be read, instead of raising.
        with_trials: Return the trials of ``--learning-rates`` too, which no report counts as runs.

    Raises:
        InputError: There is no such folder, or a result cannot be read. The message names the folder or the files.
    """
    root = expand_home(folder)
    if not is_folder(root):
        raise InputError(f"results folder {root} does not exist: give the folder that pytest wrote results to")
    results, problems = ResultsFolder(root).read_all()
    if problems and not skip_damaged:
        raise InputError("\n".join([*problems, "remove them, or leave them out with skip_damaged=True"]))
    if with_trials:
        return results
    try:
        trials = Trials(read_declared_tuning(root))
    except InputError:
        if not skip_damaged:
            raise
        trials = Trials(())
    return [one for one in results if not trials.tunings_of(one.case)]


def load_named_result(name: str | Path) -> tuple[Path, Result]:
    """Return the path and the content of a ``result.json``, named by itself or by its folder.

    Raises:
        InputError: There is none, or it is damaged or cannot be read. For a results folder the message lists its cases.
    """
    path = expand_home(name).absolute()
    if is_folder(path):
        path = path / RESULT
    try:
        return path, read_result_in_its_folder(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if path.name == RESULT and (cases := names_with_result(path.parent)):
            names = listed_up_to([str(Path(name) / case) for case in cases], _MOST_NAMED, "case")
            many = count_noun(len(cases), "case")
            raise InputError(f"{name} is a results folder with {many}: name one of them\n{names}") from error
        raise InputError(f"{path} does not exist: name a result.json, or the folder that it is in") from error


def require_folder(folder: Path, name: str) -> None:
    """Raise an `InputError` that begins with the name unless the folder exists.

    Raises:
        InputError: it is a file, absent, or cannot be seen.
    """
    if not is_folder(folder):
        fault = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{name} {fault}: name the folder that pytest wrote results to")


def is_folder(path: Path) -> bool:
    """Return whether a path is an existing folder.

    Raises:
        InputError: that cannot be seen, for lack of rights. The message names the path.
    """
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
