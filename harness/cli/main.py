"""The command line: ``wider-or-deeper``, or ``python -m harness``, and its commands, one module each."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any, NoReturn, TextIO, cast

import harness
from harness.cli import check, data, doctor, evaluate, export, models, new, plan, report, schema
from harness.cli.arguments import SCRIPT, USAGE_ERROR, program
from harness.errors import InputError
from harness.lost_output import tolerating_lost_output
from harness.text import printable_lines
from harness.training.process_group import ProcessGroup

_DESCRIPTION = """\
Should my network be wider or deeper? Measure it:

  pytest bench                             smoke run of every experiment
  pytest bench -k digits --full-training   a small study, minutes on two cores
  pytest bench -k cifar --full-training    the paper's CIFAR-10 experiments

The commands below show models, data, plans and results; pytest trains."""
_EPILOGUE = "`{program} COMMAND --help` explains a command."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code: 2, with a line on standard error, if the input is wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ω and × shows the rest
    with contextlib.ExitStack() as stack:
        if sys.stderr is None:  # after `2>&-`; print() would take standard output instead
            stack.enter_context(contextlib.redirect_stderr(stack.enter_context(open(os.devnull, "w"))))
        stack.enter_context(tolerating_lost_output(sys.stderr))
        return _main(arguments)


def _main(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    known, rest = parser.parse_known_args(arguments)
    if rest and known.command != "plan":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if known.command is None:
        parser.print_help()
        return 0
    try:
        with (
            _failing_late(sys.stdout),
            contextlib.redirect_stdout(_printing_to(sys.stdout)),
            contextlib.redirect_stderr(_printing_to(sys.stderr)),
        ):
            return _run(known, rest)
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE_ERROR


@contextlib.contextmanager
def _failing_late(stream: TextIO | None) -> Iterator[None]:
    """Run the body, then raise the error of lost output, if there is one.

    A reader that left is none: `head`, for example, has seen enough.
    """
    if stream is None:  # after `>&-`
        yield
        return
    with tolerating_lost_output(stream) as output:
        yield
    if output.error is not None and not isinstance(output.error, BrokenPipeError):
        raise output.error


class _PrintableOutput:
    """A stream that writes printable text: names in files may hold a terminal's control sequences."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text with invisible characters escaped; in JSON they stay the same characters."""
        return self._stream.write(printable_lines(text))

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the stream itself."""
        return getattr(self._stream, name)


def _printing_to(stream: IO[str] | None) -> IO[str] | None:
    return None if stream is None else cast(IO[str], _PrintableOutput(stream))  # None after `>&-`


def _run(known: argparse.Namespace, rest: list[str]) -> int:
    """Run the command; under torchrun refuse it on rank 0, and do nothing on the others."""
    processes = ProcessGroup.from_environment()
    if not processes.is_distributed:
        return int(known.run(known, rest))
    if processes.is_rank_zero:
        raise InputError("a command runs in one process: start it without torchrun, which is for pytest alone")
    return 0


class _VersionAction(argparse.Action):
    """The option ``--version``; git, which knows the commit, is asked only then."""

    def __call__(self, *_: object) -> NoReturn:
        from harness.training.source_commit import source_commit

        commit = source_commit().name
        of_checkout = (
            "" if commit is None else f" (commit {commit[:7]}{commit[40:]})"
        )  # keeps the + behind its 40 digits
        print(f"{SCRIPT} {harness.__version__}{of_checkout}")
        raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        program(),
        description=_DESCRIPTION,
        epilog=_EPILOGUE.format(program=program()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_VersionAction, nargs=0, help="print the version, and a checkout's commit")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for command in (models, data, plan, report, evaluate, check, doctor, export, new, schema):
        command.add_parser(commands)
    return parser
