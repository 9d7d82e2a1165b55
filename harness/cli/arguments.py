"""Arguments that commands share: options of the settings, ``--json``, and examples in the help."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.ini_file import read_ini_file
from harness.config.options import OPTIONS
from harness.config.settings import Settings, read_settings

if TYPE_CHECKING:
    from harness.cli.outputs import Output
    from harness.results.result import Result

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

USAGE_ERROR = 2
SCRIPT = "wider-or-deeper"


def program() -> str:
    """Return the name that the command line was started by."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m harness"


def add_command(
    commands: Commands, name: str, *, help: str, description: str, examples: Sequence[str]
) -> argparse.ArgumentParser:
    """Add a command.

    Args:
        description: paragraphs, separated by an empty line.
        examples: for the end of the help, without the program's name.
    """
    paragraphs = [textwrap.fill(text, 80, break_on_hyphens=False) for text in description.split("\n\n")]
    heading = "examples:" if len(examples) > 1 else "example:"
    return commands.add_parser(
        name,
        help=help,
        description="\n\n".join(paragraphs),
        epilog="\n".join([heading, *(f"  {program()} {line}" for line in examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the options of these names to a command."""
    for option in OPTIONS:
        if option.name in names:
            help_ = f"{option.help}; or {option.variable}, or {option.key} in pytest's ini file".replace("%", "%%")
            kind: dict[str, Any] = {"action": "store_true"} if option.is_flag else {"metavar": option.metavar}
            parser.add_argument(f"--{option.name}", dest=option.key, help=help_, **kind)


def add_images_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--images``, the present place of a result's images, to a command."""
    parser.add_argument(
        "--images",
        metavar="folder:PATH",
        help="the present place of your own images (folder:, csv:, npz: or hf:PATH), if they were moved or renamed "
        "since the training",
    )


def add_network_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--network``, the present place of a result's own network, to a command."""
    parser.add_argument(
        "--network",
        metavar="FILE:NAME",
        help="the present place of your own network's family, model or builder, if it was moved or renamed",
    )


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--json`` to a command, which then prints its output by `print_json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead (fields: docs/json.md)")


def print_json(output: Output) -> None:
    """Print a command's output as one JSON object, the only text on standard output; NaN is null."""
    print(output.model_dump_json(indent=1))


def settings_from(known: argparse.Namespace) -> Settings:
    """Return the settings of a command line, else of the environment, else of pytest's ini file.

    Options that the command does not have keep their default.

    Raises:
        InputError: An option, an environment variable or an ini key is wrong.
    """
    options = [option for option in OPTIONS if option.key in known]
    given = {option.key: getattr(known, option.key) for option in options}
    environment = {option.variable: os.environ.get(option.variable, "") for option in options}
    return read_settings(given, environment, read_ini_file(options))


def note_other_code(result: Result) -> None:
    """Print on standard error which other code trained a result, if any did."""
    from harness.training.code_version import other_code

    if other := other_code(result.training_environments):
        print(f"{result.case.label} was trained by other code, {other}", file=sys.stderr)
