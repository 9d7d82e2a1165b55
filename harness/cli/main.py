"""The command line: ``python -m harness models|data|plan|report|evaluate``. Thin: they call what needs no terminal."""

from __future__ import annotations

import argparse
import io
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.config.settings import OPTIONS, Settings, read_settings
from harness.errors import InputError
from harness.training.process_group import ProcessGroup

if TYPE_CHECKING:
    from harness.config.experiment import Experiment

USAGE_ERROR = 2
_TRAIN_SOME = "train some with `pytest bench -k digits --full-training`"

_DESCRIPTION = """\
Should my network be wider or deeper? Measure it:

  pytest bench                                   smoke run of every experiment; measures nothing
  pytest bench -k digits --full-training         a small study, minutes on two cores
  pytest bench -k cifar --full-training          the paper's CIFAR-10 experiments

The commands below look at models, data, plans and results; training is pytest's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: 0, or 2 with a line on standard error where the input was wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ω and × is to see the rest all the same
    parser = _parser()
    known, rest = parser.parse_known_args(arguments)
    if rest and known.command != "plan":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        processes = ProcessGroup.from_environment()
        if processes.is_distributed:
            if not processes.is_rank_zero:
                return 0
            raise InputError("this is for one process: start it without torchrun, which is for pytest alone")
        return int(known.run(known, rest))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        sys.stderr.close()  # the reader has seen enough
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m harness", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")

    models = commands.add_parser("models", help="every model's depth, width, parameters and MACs")
    models.add_argument("names", nargs="*", metavar="NAME", help="models to show instead of the study's, as resnet32-2")
    models.add_argument(
        "--input", default="3x32x32", metavar="CxHxW", help="input of the named models (default: 3x32x32)"
    )
    models.add_argument("--classes", default="10", metavar="N", help="classes of the named models (default: 10)")
    models.set_defaults(run=_models)

    data = commands.add_parser("data", help="where each dataset lies, how many images, verified or how to get it")
    _add_options(data, "data-dir")
    data.add_argument("folders", nargs="*", metavar="folder:PATH", help="your own images, to look at as well")
    data.set_defaults(run=_data)

    plan = commands.add_parser(
        "plan",
        help="the selected cases with their estimated time on this device",
        usage="python -m harness plan [PYTEST ARGUMENTS]",
        description='Takes the arguments that pytest would: python -m harness plan -k "cifar and resnet20" '
        "--full-training --seeds 0,1. Files default to bench. Nothing is trained.",
    )
    plan.set_defaults(run=_plan)

    report = commands.add_parser(
        "report",
        help="rebuild the page, tables and figures from the results folder, without training",
        description="Rebuild the page (index.html), tables (CSV, Markdown, LaTeX) and figures (SVG, PNG) from what is "
        "in the results folder. Several folders, of two machines or two commits, are set side by side.",
    )
    report.add_argument("results", nargs="*", metavar="FOLDER", help="results folders; default: --results-dir alone")
    _add_options(report, "results-dir", "report-dir")
    report.set_defaults(run=_report)

    evaluate = commands.add_parser(
        "evaluate",
        help="reproduce a result's accuracy and F1 from its stored weights",
        description="Load the stored weights, evaluate them on the test images, and compare accuracy, macro-F1 and "
        "every prediction with what is recorded. Exit code 0: the same; 1: not.",
    )
    evaluate.add_argument("result", metavar="RESULT", help="a result.json, or the folder that it lies in")
    _add_options(evaluate, "data-dir", "device")
    evaluate.set_defaults(run=_evaluate)
    return parser


def _add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    for option in OPTIONS:
        if option.name in names:
            parser.add_argument(f"--{option.name}", dest=option.key, metavar=option.metavar, help=option.help)


def _settings(known: argparse.Namespace) -> Settings:
    return read_settings({option.key: getattr(known, option.key, None) for option in OPTIONS})


def _models(known: argparse.Namespace, _: list[str]) -> int:
    from harness.config.datasets import SPECS
    from harness.config.families import parse_model
    from harness.config.recipes import PUBLISHED_RECIPES
    from harness.models.cost import count_macs, count_parameters
    from harness.models.resnet import build_network
    from harness.paper.published import STUDY
    from harness.text import table

    if known.names:
        shape, classes = _input_shape(known.input), _classes(known.classes)
        wanted = [("", name, shape, classes) for name in known.names]
    else:
        sizes = {name: PUBLISHED_RECIPES[name].image_size for name in STUDY}
        wanted = [
            (dataset, name, (SPECS[dataset].channels, sizes[dataset], sizes[dataset]), SPECS[dataset].num_classes)
            for dataset, names in STUDY.items()
            for name in names
        ]
    rows = []
    for dataset, name, shape, classes in wanted:
        model = parse_model(name)
        parameters = count_parameters(build_network(model, shape[0], classes, seed=0, device="meta"))
        macs = count_macs(model, shape, classes)
        place = f"{'×'.join(map(str, shape))}, {classes} classes"
        rows.append(
            [model.name, dataset, place, str(model.depth), str(model.width), f"{parameters:,}", f"{macs / 1e6:,.2f}"]
        )
    print(table(["model", "dataset", "input", "depth", "width ω", "parameters", "MMACs"], rows, left=3))
    return 0


def _input_shape(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)[x×]([1-9]\d*)", text)
    if match is None:
        raise InputError(f"--input {text!r}: give channels, height and width, as 3x32x32")
    return int(match[1]), int(match[2]), int(match[3])


def _classes(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--classes {text!r}: give a whole number, 1 or more")
    return int(text)


def _data(known: argparse.Namespace, _: list[str]) -> int:
    from harness.config.datasets import SPECS, is_folder
    from harness.data.registry import get_spec, how_to_get, locate

    settings = _settings(known)
    print(f"data folder: {settings.data_dir}\n")
    found_problem = False
    for name in [*SPECS, *known.folders]:
        try:
            source = locate(name, settings.data_dir)
            if source is None:
                remedy = how_to_get(name, settings.data_dir).replace("\n", "\n  ")
                print(f"{name}: missing; a full run downloads it, or\n  {remedy}")
                continue
            (train, test), spec, verified = source.count(), get_spec(name), source.verify()
        except InputError as error:
            found_problem = True
            print(f"{name}: {error}")
            continue
        whole = (train, test) == (spec.train_images, spec.test_images)
        images = f"{train:,} training and {test:,} test images"
        if not whole:
            images += f", of {spec.train_images:,} and {spec.test_images:,}: not the whole dataset"
        verdict = "verified" if verified else "not verified: this layout has no checksums"
        state = "your own" if is_folder(name) else verdict
        print(f"{name}: {source.layout} in {source.path}\n  {images}; {state}")
    return USAGE_ERROR if found_problem else 0


def _plan(_: argparse.Namespace, rest: list[str]) -> int:
    from harness.plugin.collect import collect_experiments

    settings, experiments = collect_experiments(rest)
    if not experiments:
        raise InputError("no experiment is selected: `pytest bench --collect-only -q` shows their names")
    _print_plan(settings, experiments)
    return 0


def _print_plan(settings: Settings, experiments: list[Experiment]) -> None:
    """Estimate and show each experiment; those alike but for the seed are timed once."""
    from harness.hardware.device import resolve_device, resolve_precision
    from harness.study.plan import plan
    from harness.text import duration, table

    device = resolve_device(settings.device)
    precision = resolve_precision(settings.precision, device, settings.pipeline)
    print(f"timing a few steps of each model on {device}, {precision}, {settings.pipeline} pipeline", file=sys.stderr)
    rows, remaining = [], 0.0
    for planned in plan(experiments, settings, device, precision):
        experiment, expected = planned.experiment, planned.estimate
        remaining += 0.0 if planned.is_finished else expected.total_seconds
        error = "" if planned.estimate_error is None else f"{planned.estimate_error:+.0%}"
        rows.append(
            [
                experiment.label,
                experiment.mode,
                str(expected.epochs),
                duration(expected.epoch_seconds),
                duration(expected.total_seconds),
                "finished" if planned.is_finished else "to train",
                error,
            ]
        )
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(table(["case", "mode", "epochs", "epoch", "total", "state", "vs recorded"], rows, left=2))
    print(f"\n{len(rows)} cases; about {duration(remaining)} of training left on {device}")
    if any(row[-1] for row in rows):
        print("vs recorded: this estimate against the epoch times recorded of the same model and dataset")


def _report(known: argparse.Namespace, _: list[str]) -> int:
    from harness.files import os_error_as_input_error, require_writable
    from harness.report.build import write_report
    from harness.report.loading import load_results_folders
    from harness.report.terminal import comparison_tables, report_text, terminal_text
    from harness.training.command import this_command

    settings = _settings(known)
    folders = [Path(name) for name in known.results] or [settings.results_dir]
    for folder in folders:
        if not folder.is_dir():
            name = folder if known.results else f"--results-dir {folder}"
            fault = "is no folder" if folder.exists() else "does not exist"
            raise InputError(f"{name} {fault}: name the folder that pytest wrote results to")
    require_writable(settings.report_dir, "--report-dir")
    loaded = load_results_folders(folders)
    if not loaded.results and not loaded.recorded:
        nothing = " and ".join(map(str, folders))
        is_case = any((folder / "result.json").exists() for folder in folders)
        remedy = "it is one case's: name the folder above it" if is_case else _TRAIN_SOME
        raise InputError(f"no results in {nothing}: {remedy}")
    with os_error_as_input_error(f"write the report to {settings.report_dir}", "give another --report-dir"):
        report = write_report(loaded, settings.report_dir, this_command())
    for line in [f"left out: {problem}" for problem in loaded.problems] + loaded.unfinished:
        print(line, file=sys.stderr)
    columns = shutil.get_terminal_size().columns
    for folder in loaded.folders:
        if len(loaded.folders) > 1:
            print(f"{folder}:\n")
        results = [result for one in loaded.evidence if one.folder == folder for result in one.results]
        for comparison in comparison_tables(results):
            print(terminal_text(comparison, columns) + "\n")
    if loaded.recorded:
        from harness.report.tables.throughput import throughput_tables

        for measurement in throughput_tables(loaded.recorded):
            print(terminal_text(measurement, columns) + "\n")
    print(report_text(report, columns))
    return 0


def _evaluate(known: argparse.Namespace, _: list[str]) -> int:
    from harness.results.folder import RESULT, ResultsFolder
    from harness.results.reading import read_result_in_its_folder
    from harness.results.timing import timed_on
    from harness.study.reproduce import device_of, images_of, reproduce
    from harness.text import table
    from harness.training.environment import describe_environment

    path = Path(known.result).absolute()
    path = path / RESULT if path.is_dir() else path
    try:
        result = read_result_in_its_folder(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: name a result.json, or the folder that it lies in") from error
    settings = _settings(known)
    device = device_of(result, settings)
    results = ResultsFolder(path.parent.parent)
    again = reproduce(result, results, images_of(result, settings), device)
    recorded, scores = again.recorded, again.scores
    rows = [
        ["accuracy %", repr(recorded.accuracy_percent), repr(scores.accuracy_percent)],
        ["macro-F1 %", repr(recorded.macro_f1_percent), repr(scores.macro_f1_percent)],
        ["test images predicted otherwise", "", str(again.changed_predictions)],
    ]
    print(table([result.case.label, "recorded", "reproduced"], rows))
    if not again.is_exact:
        there, here = timed_on(result.environment), timed_on(describe_environment(device, result.case.precision))
        print(f"not the same; recorded on {there}, reproduced on {here}")
        return 1
    print("the same, image by image")
    return 0


if __name__ == "__main__":
    sys.exit(main())
