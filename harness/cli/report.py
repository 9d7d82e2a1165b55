"""``report``: the page, tables and figures, written from the results folder without training."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.arguments import add_command, add_json_flag, add_options, print_json, settings_from
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.config.settings import Settings
    from harness.report.build import WrittenReport
    from harness.report.loading import LoadedResults

_TRAIN_SOME = "train some with `pytest bench -k digits --full-training`"


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "report",
        help="write the page, tables and figures from the results folder, without training",
        description="Write the page (index.html), tables (CSV, Markdown, LaTeX) and figures (SVG, PNG) from the "
        "results folder. Several folders, e.g. of two machines or two commits, are shown side by side.",
        examples=["report", "report results-main results-branch --report-dir compared", "report --public"],
    )
    parser.add_argument("results", nargs="*", metavar="FOLDER", help="results folders; default: --results-dir alone")
    add_options(parser, "results-dir", "report-dir", "data-dir", "margin", "target", "public")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Write the report; print its tables and its answers.

    Raises:
        InputError: A folder does not exist, has no results, or cannot be written to.
    """
    from harness.files import os_error_as_input_error
    from harness.report.build import write_report
    from harness.study.pictures import picture_reader
    from harness.training.command import this_command

    settings = settings_from(known)
    loaded = _load([Path(name) for name in known.results], settings)
    with os_error_as_input_error(f"write the report to {settings.report_dir}", "give another --report-dir"):
        report = write_report(
            loaded,
            settings.report_dir,
            this_command(),
            margin=settings.margin,
            target=settings.target,
            pictures=picture_reader(settings),
        )
    if known.json:
        from harness.cli.report_output import report_output

        print_json(report_output(loaded, report))
    else:
        _print_report(loaded, report)
    return 0


def _print_report(loaded: LoadedResults, report: WrittenReport) -> None:
    from harness.report.terminal import report_text

    for line in [f"left out: {problem}" for problem in loaded.problems] + loaded.unfinished:
        print(line, file=sys.stderr)
    columns = shutil.get_terminal_size().columns
    _print_results(loaded, columns)
    _print_throughput(loaded, columns)
    print(report_text(report, columns))


def _load(named: list[Path], settings: Settings) -> LoadedResults:
    """Return the content of the named folders, or of the settings' results folder if none is named."""
    from harness.files import require_writable
    from harness.report.loading import load_results_folders
    from harness.results.load import require_folder

    folders = named or [settings.results_dir]
    for folder in folders:
        require_folder(folder, str(folder) if named else f"--results-dir {folder}")
    require_writable(settings.report_dir, "--report-dir")
    loaded = load_results_folders(folders, is_public=settings.public)
    if not loaded.results and not loaded.recorded:
        raise InputError(f"no results in {' and '.join(map(str, folders))}: {_remedy(folders)}")
    return loaded


def _remedy(folders: Sequence[Path]) -> str:
    """Return the remedy for folders without results."""
    if any((folder / "result.json").exists() for folder in folders):
        return "it is one case's folder: name the folder above it"
    return _TRAIN_SOME


def _print_results(loaded: LoadedResults, columns: int) -> None:
    """Print the tables of each folder."""
    from harness.report.terminal import comparison_tables, terminal_text

    for folder, name in zip(loaded.folders, loaded.folder_names, strict=True):
        if len(loaded.folders) > 1:
            print(f"results in {folder if loaded.privacy is None else name}:\n")
        results = [result for one, result in loaded.results_of_studies if one.folder == folder]
        for comparison in comparison_tables(results):
            print(terminal_text(comparison, columns) + "\n")


def _print_throughput(loaded: LoadedResults, columns: int) -> None:
    """Print the tables of the recorded measurements."""
    from harness.report.tables.throughput import throughput_tables
    from harness.report.terminal import terminal_text

    for table in throughput_tables(loaded.recorded):
        print(terminal_text(table, columns) + "\n")
