"""The output of ``check`` as a JSON object; its schema and docs/json.md are made from the classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.cli.outputs import Output, Part

if TYPE_CHECKING:
    from harness.analysis.guard import Comparison, Incomplete, Verdict
    from harness.config.limits import Limit


class CheckedMeasure(Part):
    """A measure of a case, before and after, against its limit."""

    case: str
    """Dataset and model, and the conditions that distinguish the case from others of that name."""
    measure: str
    """`accuracy_percent`, `macro_f1_percent`, `epoch_seconds`, `params`, `macs`, `peak_memory_bytes`, `latency_seconds`
    or `image_seconds`."""
    before: int | float
    """The value in BASE, a mean over its seeds, in the unit that the measure's name ends with."""
    after: int | float
    """The value in NEW."""
    limit: str
    """The limit, with the sign of a change for the worse, e.g. `-0.5` or `+10%`."""
    seeds_before: int
    """The number of seeds in BASE."""
    seeds_after: int
    """The number of seeds in NEW."""
    method: str
    """How it was compared, e.g. `one seed` for a plain comparison of numbers."""
    excess: float
    """By how much the change exceeds the limit; negative within it."""
    excess_at_least: float | None
    """The lower end of the one-sided 95 % interval of the excess; null without an interval."""
    is_violated: bool
    """True if the limit is violated."""


class ChangedStatus(Part):
    """A case with a smaller share of complete trainings in NEW than in BASE."""

    case: str
    """Dataset and model."""
    measure: Literal["status"]
    """Not a measure, but the statuses of the trainings."""
    before: str
    """The statuses in BASE with their numbers, e.g. `3 complete`."""
    after: str
    """The statuses in NEW, e.g. `2 complete, 1 diverged`."""


class ChangedCase(Part):
    """A case whose network or recipe, or the harness's own code, has changed since BASE."""

    case: str
    """Dataset and model."""
    changes: list[str]
    """What has changed, e.g. `recipe.learning_rate 0.05 → 0.1`; a network of the user's own by its identity."""


class NotComparedMeasure(Part):
    """A comparison that was not made."""

    case: str
    """Dataset and model."""
    measure: str | None
    """The measure's name, as in `comparisons`; null for the whole case."""
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
    changed: list[ChangedCase]
    """The cases that are compared although something of them has changed."""
    not_compared: list[NotComparedMeasure]
    """The comparisons that were not made."""
    comparisons: list[CheckedMeasure]
    """Every comparison made, violations included."""


def check_output(base: Path, new: Path, verdict: Verdict, limits: Mapping[str, Limit]) -> CheckOutput:
    """Return the output for a verdict on two folders."""
    return CheckOutput(
        base=str(base),
        new=str(new),
        exit_code=verdict.exit_code,
        limits={name: limit.text for name, limit in limits.items()},
        violations=[*map(_checked, verdict.violations), *map(_changed_status, verdict.incomplete)],
        changed=[ChangedCase(case=one.case, changes=[*one.changes]) for one in verdict.changed],
        not_compared=[
            NotComparedMeasure(
                case=one.case,
                measure=None if one.measure is None else one.measure.name,
                reason=one.reason,
                is_failure=one.is_failure,
            )
            for one in verdict.not_compared
        ],
        comparisons=[*map(_checked, verdict.comparisons)],
    )


def _checked(one: Comparison) -> CheckedMeasure:
    before, after = map(int, (one.before, one.after)) if one.limit.measure.is_exact else (one.before, one.after)
    return CheckedMeasure(
        case=one.case,
        measure=one.limit.measure.name,
        before=before,
        after=after,
        limit=one.limit.text,
        seeds_before=one.seeds[0],
        seeds_after=one.seeds[1],
        method=one.method,
        excess=one.excess,
        excess_at_least=one.excess_at_least,
        is_violated=one.is_violated,
    )


def _changed_status(one: Incomplete) -> ChangedStatus:
    return ChangedStatus(case=one.case, measure="status", before=one.before, after=one.after)
