"""The output of ``check`` as a JSON object; its schema and docs/json.md are made from the classes."""

from typing import Literal

from harness.cli.output import Output, Part


class CheckedMeasure(Part):
    """A measure of a case, before and after, against its limit."""

    case: str
    """Dataset and model, and what else tells the case from others."""
    measure: str
    """`accuracy_percent`, `macro_f1_percent`, `epoch_seconds`, `params`, `macs` or `peak_memory_bytes`."""
    before: int | float
    """The value in BASE, a mean over its seeds, in the unit that the measure's name ends with."""
    after: int | float
    """The value in NEW."""
    limit: str
    """The limit as it was given, e.g. `+10%`."""
    seeds_before: int
    """The number of seeds in BASE."""
    seeds_after: int
    """The number of seeds in NEW."""
    method: str
    """How it was compared, e.g. `one seed` for a plain comparison of numbers."""
    excess: float | None
    """By how much the change exceeds the limit; negative within it."""
    excess_at_least: float | None
    """The lower end of the one-sided 95 % interval of the excess; null without an interval."""
    is_violated: bool
    """True if the limit is violated."""


class ChangedStatus(Part):
    """A case of whose trainings a smaller share is complete in NEW than in BASE."""

    case: str
    """Dataset and model."""
    measure: Literal["status"]
    """The measure."""
    before: str
    """The statuses in BASE with their numbers, e.g. `3 complete`."""
    after: str
    """The statuses in NEW, e.g. `2 complete, 1 diverged`."""


class NotComparedMeasure(Part):
    """A comparison that was not made."""

    case: str
    """Dataset and model."""
    measure: str | None
    """The measure's name in words; null for the whole case."""
    reason: str
    """Why it was not compared, e.g. other devices."""
    is_failure: bool
    """True if it had to be compared, so that the exit code is 2."""


class CheckOutput(Output):
    """The output of `check --json`.

    Exit code 0: within the limits; 1: a limit is violated; 2: a comparison that must be made was not.
    """

    command: Literal["check"] = "check"
    """The command."""
    base: str
    """The results folder to compare with."""
    new: str
    """The results folder that was checked."""
    exit_code: int
    """The exit code of the command."""
    limits: dict[str, str]
    """The limit of each measure."""
    violations: list[CheckedMeasure | ChangedStatus]
    """The comparisons beyond their limit."""
    not_compared: list[NotComparedMeasure]
    """The comparisons that were not made."""
    comparisons: list[CheckedMeasure]
    """Every comparison made, violations included."""
