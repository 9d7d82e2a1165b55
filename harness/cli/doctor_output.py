"""The output of ``doctor`` as a JSON object; its schema and docs/json.md are made from the classes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from harness.cli.outputs import Output, Part

if TYPE_CHECKING:
    from harness.throughput.doctor.findings import Finding
    from harness.throughput.doctor.subject import Subject


class CheckedPart(Part):
    """A check with its outcome."""

    name: str
    """The check's name, as `--checks` takes it."""
    status: Literal["passed", "failed", "not_applicable"]
    """`not_applicable`: this machine or this device cannot make the check."""
    text: str
    """The figures in words, or the reason."""
    figures: dict[str, float | None]
    """The numbers by name; a ratio has no unit in its name."""
    seconds: float
    """The time that the check took."""


class DoctorOutput(Output):
    """The output of `doctor --json`. Exit code 0: no check failed; 1: a check failed."""

    command: Literal["doctor"] = "doctor"
    """The command."""
    device: str
    """The device that was checked, e.g. `cuda:0`."""
    device_name: str
    """The name of the GPU or processor."""
    torch: str
    """The version of torch."""
    dataset: str
    """The dataset whose shape the checked case's random images have."""
    model: str
    """The model that the checks train."""
    checks: list[CheckedPart]
    """The checks in their order."""
    passed: int
    """The number of checks that passed."""
    failed: int
    """The number of checks that failed."""
    not_applicable: int
    """The number of checks that were not applicable."""
    exit_code: int
    """The exit code of the command."""


def doctor_output(subject: "Subject", findings: Sequence["Finding"]) -> DoctorOutput:
    """Return the output for the findings on a subject."""
    from harness.training.environment import describe_environment

    environment = describe_environment(subject.device, subject.case.precision)
    statuses = [finding.outcome.status for finding in findings]
    return DoctorOutput(
        device=str(subject.device),
        device_name=environment["gpu"] or environment["cpu"],
        torch=environment["versions"]["torch"],
        dataset=subject.case.dataset,
        model=subject.case.model,
        checks=[
            CheckedPart(
                name=finding.name,
                status=finding.outcome.status,
                text=finding.outcome.text,
                figures=dict(finding.outcome.figures),
                seconds=finding.seconds,
            )
            for finding in findings
        ],
        passed=statuses.count("passed"),
        failed=statuses.count("failed"),
        not_applicable=statuses.count("not_applicable"),
        exit_code=int("failed" in statuses),
    )
