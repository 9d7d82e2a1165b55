"""``schema``: the JSON schema of a command's output with ``--json``."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness.cli.arguments import add_command

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.cli.outputs import Output

_OUTPUTS = {
    "models": "outputs.ModelsOutput",
    "data": "outputs.DataOutput",
    "plan": "outputs.PlanOutput",
    "report": "report_output.ReportOutput",
    "evaluate": "outputs.EvaluateOutput",
    "check": "check_output.CheckOutput",
    "doctor": "doctor_output.DoctorOutput",
    "export": "outputs.ExportOutput",
}
COMMANDS = tuple(_OUTPUTS)
"""The commands that have ``--json``."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "schema",
        help="print the JSON schema of a command's --json",
        description="Print the JSON schema (draft 2020-12) of what a command prints with --json. docs/json.md explains "
        "each field.",
        examples=["schema report > report.schema.json"],
    )
    parser.add_argument("of", choices=COMMANDS, metavar="COMMAND", help=f"one of {', '.join(COMMANDS)}")
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Print the schema."""
    print(json.dumps(schema_of(known.of), indent=1))
    return 0


def schema_of(command: str) -> dict[str, Any]:
    """Return the JSON schema of a command's output."""
    module, _, name = _OUTPUTS[command].partition(".")
    output: type[Output] = getattr(import_module(f"harness.cli.{module}"), name)
    return output.model_json_schema(mode="serialization")
