"""``doctor``: checks that the harness computes the right thing on this machine's device."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from harness.cli.arguments import add_command, add_json_flag, add_options, print_json, settings_from
from harness.text import count_noun, duration
from harness.throughput.doctor.findings import DEFAULT_SUBJECT

if TYPE_CHECKING:
    from harness.cli.arguments import Commands
    from harness.cli.doctor_output import DoctorOutput
    from harness.throughput.doctor.checks import Check
    from harness.throughput.doctor.findings import Finding
    from harness.throughput.doctor.subject import Subject

_DESCRIPTION = """\
Check, in one to two minutes, what the harness relies on to be fast: augmentation, captured, bf16 and compiled steps,
the optimizer, streamed images and data-parallel training, each against the plain way; resuming; lack of memory; and who
waits for the device. The checks train a short case on random images and write no results.

The gain of compiling is remembered for `--compile auto`.

Exit codes: 0, no check failed; 1, a check failed; 2, the input is wrong."""
_WORDS = {"passed": "passed", "failed": "FAILED", "not_applicable": "n/a"}
_NAME_COLUMNS, _STATUS_COLUMNS = 15, 6


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "doctor",
        help="check that this machine's device computes the right thing, fast",
        description=_DESCRIPTION,
        examples=["doctor", "doctor --device cpu --checks resumed,two-processes"],
    )
    add_options(parser, "device")
    dataset, model = DEFAULT_SUBJECT
    parser.add_argument("--dataset", default=dataset, metavar="NAME", help="shape of the images (default: %(default)s)")
    parser.add_argument("--model", default=model, metavar="NAME", help="model to train (default: %(default)s)")
    parser.add_argument("--checks", metavar="LIST", help="names of checks, separated by commas (default: all)")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, _: list[str]) -> int:
    """Run the checks, print a line each as it ends, and return the exit code.

    Raises:
        InputError: the device is not there, or there is no such dataset, model or check.
    """
    from harness.cli.doctor_output import doctor_output
    from harness.hardware.device import resolve_device
    from harness.throughput.doctor.checks import choose_checks, run_checks
    from harness.throughput.doctor.subject import make_subject

    checks = choose_checks(known.checks)
    subject = make_subject(resolve_device(settings_from(known).device), known.dataset, known.model)
    columns, findings, progress = shutil.get_terminal_size().columns, [], _Progress(len(checks))
    if not known.json:
        print(textwrap.fill(_heading(subject), columns))
    for finding in run_checks(subject, checks, progress.start):
        progress.clear()
        findings.append(finding)
        if not known.json:
            print("\n".join(finding_lines(finding, columns)), flush=True)
    output = doctor_output(subject, findings)
    if known.json:
        print_json(output)
    else:
        print(f"\n{_summary(output)}")
    return output.exit_code


def _summary(output: DoctorOutput) -> str:
    seconds = sum(check.seconds for check in output.checks)
    counts = f"{output.passed} passed, {output.failed} failed, {output.not_applicable} not applicable"
    return f"{count_noun(len(output.checks), 'check')} in {duration(seconds)}: {counts}"


def finding_lines(finding: Finding, columns: int) -> list[str]:
    """Return a finding as a line, folded under its text if the terminal is narrower."""
    start = f"{_WORDS[finding.outcome.status]:{_STATUS_COLUMNS}}  {finding.name:{_NAME_COLUMNS}}  "
    return textwrap.wrap(
        finding.outcome.text,
        max(columns, 2 * len(start)),
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )


def _heading(subject: Subject) -> str:
    from harness.training.environment import describe_environment

    environment = describe_environment(subject.device, subject.case.precision)
    where = environment["gpu"] or f"{environment['cpu']}, {count_noun(environment['threads'], 'thread')}"
    case = subject.case
    return f"{subject.device} ({where}), torch {environment['versions']['torch']}: {case.model}, {case.dataset}'s shape"


class _Progress:
    """Progress on standard error: one line that is redrawn on a terminal, else a line per check."""

    def __init__(self, count: int) -> None:
        self._count, self._started = count, 0
        stream = sys.__stderr__  # the one of `main` writes no control sequences
        self._terminal = stream if stream is not None and stream.isatty() else None

    def start(self, check: Check, seconds_left: float) -> None:
        """Print which check starts, and about how long all will take."""
        self._started += 1
        line = f"check {self._started} of {self._count}: {check.name}, about {duration(seconds_left)} left"
        if self._terminal is None:
            print(line, file=sys.stderr, flush=True)
        else:
            print(f"\r\x1b[K{line}", end="", file=self._terminal, flush=True)

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self._terminal is not None:
            print("\r\x1b[K", end="", file=self._terminal, flush=True)
