"""``export``: a result's network as an ONNX file with its preprocessing, checked with onnxruntime."""

from __future__ import annotations

import argparse
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
from harness.errors import InputError
from harness.extras import require_extra
from harness.files import expand_home

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.cli.outputs import ExportOutput
    from harness.config.settings import Settings
    from harness.results.folder import ResultsFolder
    from harness.study.export.check import Check
    from harness.study.export.files import Export


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "export",
        help="write a result's network as an ONNX file, with its preprocessing, and check it",
        description="Write model.onnx and preprocessing.json, run them with onnxruntime on the test images, and "
        "compare the predictions with the recorded ones. Exit code 0: they are reproduced; 1: they are not; 2: the "
        "input is wrong, or the images are missing, so that nothing could be compared.",
        examples=["export results/digits-resnet20-seed0-full-1a2b3c4d5e6f"],
    )
    parser.add_argument("result", metavar="RESULT", help="a result.json, or the folder that it is in")
    parser.add_argument(
        "--output", metavar="DIR", type=Path, help="folder to write to (default: <case>-onnx in the current folder)"
    )
    parser.add_argument(
        "--with-preprocessing", action="store_true", help="let the model take 8-bit images and normalise them itself"
    )
    parser.add_argument(
        "--all-images", action="store_true", help="check every test image (default: as many as take a minute or two)"
    )
    parser.add_argument("--no-check", action="store_true", help="write the files without running them")
    add_options(parser, "data-dir")
    add_images_option(parser)
    add_network_option(parser)
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Write the network, check it, and print the outcome.

    Raises:
        InputError: the extra is not installed; the result or one of its files is missing or damaged; or the images are
            missing or others, after the files were written.
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        require_extra(module, "onnx", "`export`")
    from harness.results.folder import ResultsFolder
    from harness.results.load import load_named_result
    from harness.study.export.files import export_network

    path, result = load_named_result(known.result)
    note_other_code(result)
    settings = settings_from(known)
    results = ResultsFolder(path.parent.parent)
    folder = expand_home(known.output or f"{result.case.folder_name}-onnx")
    exported = export_network(result, results, folder, with_preprocessing=known.with_preprocessing, place=known.network)
    if not known.json:
        print(_text_of_files(exported), flush=True)  # the check can take a minute
    check, problem = None, None
    if not known.no_check:
        check, problem = _check(exported, results, settings, known)
    if known.json:
        print_json(_output(path, exported, check))
    elif check is not None:
        print(_text_of_check(check, result.case.precision))
    if problem is not None:
        raise InputError(f"{folder} is written, but not checked: {problem}") from problem
    return int(check is not None and not check.is_passed)


def _check(
    exported: Export, results: ResultsFolder, settings: Settings, known: argparse.Namespace
) -> tuple[Check | None, InputError | None]:
    """Return the check, or the error that prevents it."""
    from harness.study.export.check import check_export
    from harness.study.reproduce import images_of

    try:
        images = images_of(exported.result, settings, known.images)
        return check_export(exported, results, images, all_images=known.all_images), None
    except InputError as error:
        return None, error


def _output(path: Path, exported: Export, check: Check | None) -> ExportOutput:
    from harness.cli.outputs import ExportCheck, ExportOutput

    result, (onnx_file, preprocessing_file) = exported.result, exported.paths
    return ExportOutput(
        path=str(path),
        dataset=result.dataset,
        model=result.model,
        seed=result.seed,
        onnx_file=str(onnx_file),
        preprocessing_file=str(preprocessing_file),
        check=None if check is None else ExportCheck.model_validate(check, from_attributes=True),
    )


def _text_of_files(exported: Export) -> str:
    """Return the files and their content, one line each."""
    result, takes = exported.result, exported.description["input"]
    classes = len(exported.description["class_names"])
    lines = [
        f"{result.case.label}, {result.accuracy_percent:.2f} % accurate: exported to {exported.folder}",
        f"{exported.paths[0].name}: {takes['name']} {takes['dtype']} ({', '.join(map(str, takes['shape']))}) to "
        f"{exported.description['output']['name']} ({takes['shape'][0]}, {classes})",
        f"{exported.paths[1].name}: how an image becomes the input, the classes, the origin of the weights",
    ]
    if result.mode == "quick":
        lines.append("a quick run trained these weights: their accuracy means nothing")
    return "\n".join(lines)


def _text_of_check(check: Check, precision: str) -> str:
    """Return what onnxruntime predicted, how far its logits are from torch's, and the verdict."""
    lines = [
        f"onnxruntime on {check.images:,} of {check.test_images:,} test images: {check.equal:,} predicted as recorded",
        f"logits differ from torch's by at most {check.greatest_logit_difference:.1e} (greatest logit "
        f"{check.greatest_logit:.1f})",
    ]
    if check.rounding:
        lines.append(
            f"{check.rounding:,} predicted differently by rounding: torch's logits of the two classes differ by less "
            f"than {check.tolerance:.2g}, which the training's {precision} does not resolve"
        )
    if check.different:
        lines.append(f"{check.different:,} predicted differently, and not by rounding")
    if not check.has_torchs_logits:
        lines.append("the logits are not torch's")
    verdict = f"the recorded predictions are {'' if check.is_passed else 'not '}reproduced"
    return "\n".join([*lines, verdict + (", except by rounding" if check.is_passed and check.rounding else "")])
