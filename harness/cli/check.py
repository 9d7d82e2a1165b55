"""``check``: a results folder compared with an earlier one, against limits."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.arguments import add_command, add_json_flag, add_options, print_json, settings_from
from harness.config.limits import LIMIT_OPTIONS
from harness.errors import InputError
from harness.files import expand_home

if TYPE_CHECKING:
    from harness.cli.arguments import Commands

_DESCRIPTION = """\
Compare every case of BASE with NEW: accuracy, epoch time, parameters, MACs and peak memory.

A limit is relative to BASE (+10%) or absolute, in the measure's unit (0.5). The defaults hold for measures whose limit
you do not give; `none` switches one off. With several seeds on both sides, a measure violates its limit if the
one-sided 95 % interval of its change excludes the limit; with one seed the numbers are compared as they are.

Times and memory of other devices, threads, processes, torch versions, or of co-scheduled cases are not compared. If
you gave their limit, exit code 2: a limit that was not checked does not pass.

Exit codes: 0, within the limits; 1, a limit is violated; 2, the input is wrong, a case of BASE is missing in NEW, or a
comparison that you asked for was not made."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "check",
        help="fail if results are worse, slower or larger than earlier ones",
        description=_DESCRIPTION,
        examples=["check results-main results-branch", "check base new --max-accuracy-drop 1 --max-epoch-time none"],
    )
    parser.add_argument("base", metavar="BASE", help="the results folder to compare with")
    parser.add_argument("new", metavar="NEW", help="the results folder to check")
    add_options(parser, *LIMIT_OPTIONS)
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Compare the folders, print the verdict, and return its exit code.

    Raises:
        InputError: A folder does not exist, has no results, or has a damaged one; or a limit is wrong.
    """
    from harness.analysis.baseline import compare_folders, read_comparable
    from harness.config.limits import limits_from
    from harness.report.guard_text import limits_lines, verdict_lines

    limits = limits_from(vars(settings_from(known)))
    base, new = expand_home(known.base), expand_home(known.new)
    _require_two(base, new)
    verdict = compare_folders(read_comparable(base, str(base)), read_comparable(new, str(new)), limits)
    if known.json:
        from harness.cli.check_output import check_output

        print_json(check_output(base, new, verdict, limits))
        return verdict.exit_code
    columns = shutil.get_terminal_size().columns
    print("\n".join([*limits_lines(limits.values(), columns), *verdict_lines(verdict, columns)]))
    return verdict.exit_code


def _require_two(base: Path, new: Path) -> None:
    """Raise an `InputError` unless there are two different folders."""
    from harness.results.load import require_folder

    for folder in (base, new):
        require_folder(folder, str(folder))
    if base.resolve() == new.resolve():
        raise InputError(f"{base} and {new} are one folder: name the earlier results first, then the new ones")
