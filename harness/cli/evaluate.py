"""``evaluate``: a result's accuracy and F1 reproduced from its stored weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.arguments import add_options, settings_from
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.results.result import Result
    from harness.study.reproduce import Reproduction


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "evaluate",
        help="reproduce a result's accuracy and F1 from its stored weights",
        description="Load the stored weights, evaluate them on the test images, and compare accuracy, macro-F1 and "
        "every prediction with the recorded ones. Exit code 0: they are the same; 1: they differ.",
    )
    parser.add_argument("result", metavar="RESULT", help="a result.json, or the folder that it is in")
    add_options(parser, "data-dir", "device")
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Evaluate the weights, and print recorded and reproduced figures side by side.

    Raises:
        InputError: The result, its files or its images are missing or damaged, or the images are others.
    """
    from harness.results.folder import ResultsFolder
    from harness.results.timing import timed_on
    from harness.study.reproduce import device_of, images_of, reproduce
    from harness.training.environment import describe_environment

    path, result = _read(known.result)
    settings = settings_from(known)
    device = device_of(result, settings)
    again = reproduce(result, ResultsFolder(path.parent.parent), images_of(result, settings), device)
    _print_both(again)
    if again.is_exact:
        print("the same, image by image")
        return 0
    there, here = timed_on(result.environment), timed_on(describe_environment(device, result.case.precision))
    print(f"not the same; recorded on {there}, reproduced on {here}")
    return 1


def _read(name: str) -> tuple[Path, Result]:
    """Return the path and the content of a ``result.json``, named by itself or by its folder."""
    from harness.results.folder import RESULT
    from harness.results.reading import read_result_in_its_folder

    path = Path(name).absolute()
    path = path / RESULT if path.is_dir() else path
    try:
        return path, read_result_in_its_folder(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: name a result.json, or the folder that it is in") from error


def _print_both(again: Reproduction) -> None:
    from harness.text import table

    recorded, scores = again.recorded, again.scores
    rows = [
        ["accuracy %", repr(recorded.accuracy_percent), repr(scores.accuracy_percent)],
        ["macro-F1 %", repr(recorded.macro_f1_percent), repr(scores.macro_f1_percent)],
        ["test images predicted differently", "", str(again.changed_predictions)],
    ]
    print(table([recorded.case.label, "recorded", "reproduced"], rows))
