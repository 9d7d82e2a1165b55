"""``evaluate``: a result's accuracy and F1 reproduced from its stored weights."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.arguments import (
    add_command,
    add_images_option,
    add_json_flag,
    add_network_option,
    add_options,
    note_other_code,
    print_json,
    settings_from,
)

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.cli.outputs import EvaluateOutput
    from harness.results.inference_time import InferenceTime
    from harness.study.reproduce import Reproduction


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        help="reproduce a result's accuracy and F1 from its stored weights",
        description="Load the stored weights, evaluate them on the test images, and compare accuracy, macro-F1 and "
        "every prediction with the recorded ones. Exit code 0: they are the same; 1: they differ. Times of use are "
        "measured again beside them.",
        examples=[
            "evaluate results/digits-resnet20-seed0-full-1a2b3c4d5e6f",
            "evaluate moved/result.json --images folder:~/flowers",
        ],
    )
    parser.add_argument("result", metavar="RESULT", help="a result.json, or the folder that it is in")
    add_options(parser, "data-dir", "device")
    add_images_option(parser)
    add_network_option(parser)
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Evaluate the weights, and print recorded and reproduced figures side by side.

    Raises:
        InputError: The result, its files or its images are missing or damaged, or the images are others.
    """
    from harness.results.folder import ResultsFolder
    from harness.results.load import load_named_result
    from harness.study.reproduce import device_of, images_of, reproduce
    from harness.study.stored_network import checked_weights
    from harness.training.environment import describe_environment

    path, result = load_named_result(known.result)
    note_other_code(result)
    settings = settings_from(known)
    device = device_of(result, settings)
    results = ResultsFolder(path.parent.parent)
    weights = checked_weights(result, results, known.network)  # before images are resized as the result says
    again = reproduce(result, results, weights, images_of(result, settings, known.images), device)
    found = _output(path, again, describe_environment(device, result.case.precision))
    if known.json:
        print_json(found)
    else:
        _print_both(again)
        differ = f"not the same; recorded on {found.recorded_on}, reproduced on {found.reproduced_on}"
        print("the same, image by image" if found.is_exact else differ)
    return 0 if found.is_exact else 1


def _output(path: Path, again: Reproduction, environment: dict[str, object]) -> EvaluateOutput:
    from harness.cli.outputs import EvaluateOutput, Scores, TimeOfUse
    from harness.results.timing import timed_on

    recorded, scores = again.recorded, again.scores
    return EvaluateOutput(
        path=str(path),
        dataset=recorded.dataset,
        model=recorded.model,
        seed=recorded.seed,
        is_exact=again.is_exact,
        recorded=Scores.model_validate(recorded, from_attributes=True),
        reproduced=Scores.model_validate(scores, from_attributes=True),
        changed_predictions=again.changed_predictions,
        recorded_use=[TimeOfUse.model_validate(one, from_attributes=True) for one in recorded.inference],
        reproduced_use=[TimeOfUse.model_validate(one, from_attributes=True) for one in again.inference],
        notes=list(again.notes),
        recorded_on=timed_on(recorded.training_environments[-1]),
        reproduced_on=timed_on(environment),
    )


def _print_both(again: Reproduction) -> None:
    from harness.text import table

    recorded, scores = again.recorded, again.scores
    rows = [
        ["accuracy %", repr(recorded.accuracy_percent), repr(scores.accuracy_percent)],
        ["macro-F1 %", repr(recorded.macro_f1_percent), repr(scores.macro_f1_percent)],
        ["test images predicted differently", "", str(again.changed_predictions)],
        *_rows_of_use(recorded.inference, again.inference),
    ]
    print("\n".join([table([recorded.case.label, "recorded", "reproduced"], rows), *again.notes]))


def _rows_of_use(recorded: Iterable[InferenceTime], now: Iterable[InferenceTime]) -> list[list[str]]:
    """Return a row per batch and threads: milliseconds of a forward pass as recorded and as measured now."""
    from harness.text import count_noun

    both = [{(one.batch, one.threads): _milliseconds(one) for one in times} for times in (recorded, now)]
    return [
        [f"ms per pass of {count_noun(batch, 'image')}, {count_noun(threads, 'thread')}"]
        + [times.get((batch, threads), "") for times in both]
        for batch, threads in dict.fromkeys(key for times in both for key in times)
    ]


def _milliseconds(one: InferenceTime) -> str:
    return f"{1000 * one.median_seconds:.4g}{' (disturbed)' if one.is_disturbed else ''}"
