"""``evaluate``: a result's accuracy and F1 reproduced from its stored weights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.arguments import add_command, add_json_flag, add_options, print_json, settings_from
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.cli.outputs import EvaluateOutput, Scores
    from harness.results.result import Result
    from harness.study.reproduce import Reproduction

_MOST_NAMED = 5


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        help="reproduce a result's accuracy and F1 from its stored weights",
        description="Load the stored weights, evaluate them on the test images, and compare accuracy, macro-F1 and "
        "every prediction with the recorded ones. Exit code 0: they are the same; 1: they differ.",
        examples=["evaluate results/digits-resnet20-seed0-full-1a2b3c4d5e6f"],
    )
    parser.add_argument("result", metavar="RESULT", help="a result.json, or the folder that it is in")
    add_options(parser, "data-dir", "device")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Evaluate the weights, and print recorded and reproduced figures side by side.

    Raises:
        InputError: The result, its files or its images are missing or damaged, or the images are others.
    """
    from harness.results.folder import ResultsFolder
    from harness.study.reproduce import device_of, images_of, reproduce
    from harness.training.environment import describe_environment

    path, result = read_named_result(known.result)
    settings = settings_from(known)
    device = device_of(result, settings)
    again = reproduce(result, ResultsFolder(path.parent.parent), images_of(result, settings), device)
    found = _output(path, again, describe_environment(device, result.case.precision))
    if known.json:
        print_json(found)
    else:
        _print_both(again)
        differ = f"not the same; recorded on {found.recorded_on}, reproduced on {found.reproduced_on}"
        print("the same, image by image" if found.is_exact else differ)
    return 0 if found.is_exact else 1


def read_named_result(name: str) -> tuple[Path, Result]:
    """Return the path and the content of a ``result.json``, named by itself or by its folder.

    Other code that trained it is named on standard error.

    Raises:
        InputError: There is none, or it is damaged. Of a results folder the message lists the cases.
    """
    from harness.results.folder import RESULT
    from harness.results.reading import read_result_in_its_folder
    from harness.training.code_version import other_code

    path = Path(name).absolute()
    if path.is_dir() and not (path / RESULT).exists() and (cases := sorted(path.glob(f"*/{RESULT}"))):
        raise InputError(_choose_among(name, [f"{Path(name) / case.parent.name}" for case in cases]))
    path = path / RESULT if path.is_dir() else path
    try:
        result = read_result_in_its_folder(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path} does not exist: name a result.json, or the folder that it is in") from error
    if other := other_code(result.training_environments):
        print(f"{result.case.label} was trained by other code, {other}", file=sys.stderr)
    return path, result


def _choose_among(name: str, cases: list[str]) -> str:
    """Return the message for a results folder instead of a case, in two lines."""
    from harness.text import count_noun

    more = [f"and {len(cases) - _MOST_NAMED} more"] if len(cases) > _MOST_NAMED else []
    return (
        f"{name} is a results folder with {count_noun(len(cases), 'case')}: name one of them\n"
        f"{', '.join([*cases[:_MOST_NAMED], *more])}"
    )


def _output(path: Path, again: Reproduction, environment: dict[str, object]) -> EvaluateOutput:
    from harness.cli.outputs import EvaluateOutput
    from harness.results.timing import timed_on

    recorded, scores = again.recorded, again.scores
    return EvaluateOutput(
        path=str(path),
        dataset=recorded.dataset,
        model=recorded.model,
        seed=recorded.seed,
        is_exact=again.is_exact,
        recorded=_scores(recorded),
        reproduced=_scores(scores),
        changed_predictions=again.changed_predictions,
        recorded_on=timed_on(recorded.environment),
        reproduced_on=timed_on(environment),
    )


def _scores(metrics: Any) -> Scores:
    from harness.cli.outputs import Scores

    return Scores(accuracy_percent=metrics.accuracy_percent, macro_f1_percent=metrics.macro_f1_percent)


def _print_both(again: Reproduction) -> None:
    from harness.text import table

    recorded, scores = again.recorded, again.scores
    rows = [
        ["accuracy %", repr(recorded.accuracy_percent), repr(scores.accuracy_percent)],
        ["macro-F1 %", repr(recorded.macro_f1_percent), repr(scores.macro_f1_percent)],
        ["test images predicted differently", "", str(again.changed_predictions)],
    ]
    print(table([recorded.case.label, "recorded", "reproduced"], rows))
