"""The command line: ``wider-or-deeper``, or ``python -m harness``, and its commands, one module each."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import harness
from harness.cli import check, data, evaluate, models, new, plan, report
from harness.cli.arguments import USAGE_ERROR
from harness.errors import InputError
from harness.training.process_group import ProcessGroup

_SCRIPT = "wider-or-deeper"
_DESCRIPTION = """\
Should my network be wider or deeper? Measure it:

  pytest bench                                   smoke run of every experiment; measures nothing
  pytest bench -k digits --full-training         a small study, minutes on two cores
  pytest bench -k cifar --full-training          the paper's CIFAR-10 experiments

The commands below show models, data, plans and results; pytest does the training."""
_EPILOGUE = "`{program} COMMAND --help` explains a command."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code: 2, with a line on standard error, if the input is wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ω and × shows the rest
    parser = _parser()
    known, rest = parser.parse_known_args(arguments)
    if rest and known.command != "plan":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _run(known, rest)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:
        sys.stderr.close()  # the reader, e.g. `head`, has seen enough
        return 0


def _run(known: argparse.Namespace, rest: list[str]) -> int:
    """Run the command; under torchrun refuse it on rank 0, and do nothing on the others."""
    processes = ProcessGroup.from_environment()
    if not processes.is_distributed:
        return int(known.run(known, rest))
    if processes.is_rank_zero:
        raise InputError("a command runs in one process: start it without torchrun, which is for pytest alone")
    return 0


def _parser() -> argparse.ArgumentParser:
    program = _SCRIPT if Path(sys.argv[0]).stem == _SCRIPT else "python -m harness"
    parser = argparse.ArgumentParser(
        program,
        description=_DESCRIPTION,
        epilog=_EPILOGUE.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{_SCRIPT} {harness.__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    models.add_parser(commands)
    data.add_parser(commands)
    plan.add_parser(commands, program)
    report.add_parser(commands)
    evaluate.add_parser(commands)
    check.add_parser(commands)
    new.add_parser(commands)
    return parser
