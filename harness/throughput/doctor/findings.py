"""Findings of the checks: passed, failed or not applicable, with their figures. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DEFAULT_SUBJECT = ("cifar10", "resnet20")
"""Dataset and model that are checked by default; their gain of compiling decides for all networks of a device."""

Status = Literal["passed", "failed", "not_applicable"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check.

    Attributes:
        text: the figure, or the reason, in one line.
        figures: numbers by name; a name ends with its unit.
    """

    status: Status
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A check with its outcome.

    Attributes:
        name: the check's name, as ``--checks`` takes it.
        seconds: the time that the check took.
    """

    name: str
    outcome: Outcome
    seconds: float


def passed_if(is_right: bool, text: str, **figures: float) -> Outcome:
    """Return an outcome that passed or failed."""
    return Outcome("passed" if is_right else "failed", text, figures)


def not_applicable(reason: str) -> Outcome:
    """Return the outcome of a check that this machine, or this device, cannot make."""
    return Outcome("not_applicable", reason)
