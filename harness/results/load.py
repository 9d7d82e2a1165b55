"""All results of a results folder, for an analysis in Python."""

from pathlib import Path

from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.results.result import Result


def load_results(folder: str | Path = "results", *, skip_damaged: bool = False) -> list[Result]:
    """Return every result in a results folder, in the order of the cases' folder names.

    Args:
        folder: The folder that ``--results-dir`` named.
        skip_damaged: Leave out results that cannot be read, instead of raising.

    Raises:
        InputError: There is no such folder, or a result cannot be read. The message names the folder or the files.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise InputError(f"results folder {root} does not exist: give the folder that pytest wrote results to")
    results, problems = ResultsFolder(root).read_all()
    if problems and not skip_damaged:
        raise InputError("\n".join([*problems, "remove them, or leave them out with skip_damaged=True"]))
    return results
