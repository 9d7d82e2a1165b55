"""The guard's limits: how much worse than the baseline each measure may be. Needs no torch, no pytest."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.config.option import Option
from harness.config.option_values import path

_VALUE = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]+)?)(%?)")


@dataclass(frozen=True)
class Allowance:
    """The amount by which a measure may get worse.

    Attributes:
        amount: a share of the baseline's value if relative, else in the measure's unit; infinite without a limit.
    """

    amount: float
    is_relative: bool


@dataclass(frozen=True)
class Measure:
    """A measure that the guard compares.

    Attributes:
        name: its field in ``result.json``.
        unit: of an absolute limit.
        option: the name of its option.
        default: its limit if none is given; ``none`` for no limit.
        is_better_high: true if a drop is worse, false if a rise is.
        is_exact: true if every training of a model has the same value.
        is_timed: true if values are comparable only under the same timing conditions.
        is_of_use: true if it is measured after training, in the last attempt; a result may lack it.
    """

    name: str
    title: str
    unit: str
    option: str
    default: str
    is_better_high: bool = False
    is_exact: bool = False
    is_timed: bool = False
    is_of_use: bool = False

    @property
    def change_for_the_worse(self) -> str:
        """The change that a limit bounds: ``rise of the epoch time``."""
        return f"{'drop' if self.is_better_high else 'rise'} of the {self.title}"

    def parse(self, text: str) -> Allowance:
        """Read a limit: ``+10%`` of the baseline's value, ``0.5`` in the measure's unit, or ``none``."""
        sign = "-" if self.is_better_high else "+"
        found = _VALUE.fullmatch(text.strip())
        if text.strip() == "none":
            return Allowance(math.inf, is_relative=False)
        if found is None or found[1] not in ("", sign):
            relative = f"the largest {self.change_for_the_worse}, relative, e.g. {sign}10%"
            raise ValueError(f"give {relative}, or in {self.unit}, or none")
        amount = float(found[2])
        if math.isinf(amount):  # of hundreds of digits
            raise ValueError("give a smaller number, or none for no limit")
        return Allowance(amount / 100 if found[3] else amount, is_relative=bool(found[3]))


MEASURES = (
    Measure("accuracy_percent", "accuracy", "percentage points", "max-accuracy-drop", "0.5", is_better_high=True),
    Measure("macro_f1_percent", "macro-F1", "percentage points", "max-f1-drop", "none", is_better_high=True),
    Measure("epoch_seconds", "epoch time", "seconds", "max-epoch-time", "+10%", is_timed=True),
    Measure("params", "parameters", "parameters", "max-params", "+0%", is_exact=True),
    Measure("macs", "MACs", "MACs", "max-macs", "+0%", is_exact=True),
    Measure("peak_memory_bytes", "peak memory", "bytes", "max-memory", "+10%", is_timed=True),
    Measure("latency_seconds", "latency", "seconds", "max-latency", "none", is_timed=True, is_of_use=True),
    Measure("image_seconds", "time per image", "seconds", "max-image-time", "none", is_timed=True, is_of_use=True),
)
MEASURES_BY_NAME = {measure.name: measure for measure in MEASURES}
LIMIT_OPTIONS = tuple(measure.option for measure in MEASURES)


@dataclass(frozen=True)
class Limit:
    """A measure with the amount by which it may get worse.

    Attributes:
        is_default: true if the user gave no limit for the measure; one given by the user must be checked.
    """

    measure: Measure
    allowance: Allowance
    is_default: bool = False

    def worst(self, before: float) -> float:
        """Return the worst value within the limit, for a baseline's value."""
        amount = self.allowance.amount * (before if self.allowance.is_relative else 1)
        return before - amount if self.measure.is_better_high else before + amount

    def excess(self, worst: float, after: float) -> float:
        """Return how far a value is beyond the worst one allowed; negative within the limit."""
        return worst - after if self.measure.is_better_high else after - worst

    @property
    def text(self) -> str:
        """The limit as the options take it: ``-0.5``, ``+10%``."""
        amount = self.allowance.amount * (100 if self.allowance.is_relative else 1)
        return f"{'-' if self.measure.is_better_high else '+'}{amount:.10g}{'%' if self.allowance.is_relative else ''}"


def limits_from(given: Mapping[str, Allowance | None]) -> dict[str, Limit]:
    """Return the limits by the measure's name, without ``none``; a default if no limit is given.

    Args:
        given: by the names of the settings, e.g. ``max_epoch_time``.
    """
    found = {}
    for measure in MEASURES:
        allowance = given[measure.option.replace("-", "_")]
        found[measure.name] = Limit(measure, allowance or measure.parse(measure.default), is_default=allowance is None)
    return {name: limit for name, limit in found.items() if math.isfinite(limit.allowance.amount)}


def parse_limits(given: Any) -> dict[str, Limit]:
    """Return the limits of an ``experiment`` mark, by the measure's name; infinite for ``none``.

    Raises:
        ValueError: a measure is unknown or its limit wrong.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"limits is {given!r}: give a dict, e.g. {{'epoch_seconds': '+10%'}}")
    found = {}
    for name, value in given.items():
        if (measure := MEASURES_BY_NAME.get(name)) is None:
            raise ValueError(f"limits names {name!r}: give {', '.join(MEASURES_BY_NAME)}")
        try:
            found[name] = Limit(measure, measure.parse(str(value)))
        except ValueError as error:
            raise ValueError(f"limits, {name} {value!r}: {error}") from error
    return found


def overridden(limits: Mapping[str, Limit], own: Mapping[str, Limit]) -> dict[str, Limit]:
    """Return the limits, overridden by an experiment's own."""
    return {name: limit for name, limit in {**limits, **own}.items() if math.isfinite(limit.allowance.amount)}


def _limit_option(measure: Measure) -> Option:
    has_default = measure.default != "none"
    example = measure.default if has_default else "0.5" if measure.is_better_high else "+10%"
    help_ = (
        f"the largest {measure.change_for_the_worse}, e.g. {example}, relative to the baseline or in {measure.unit}, "
        f"or none (default: {measure.default if has_default else 'no limit'})"
    )
    return Option(measure.option, "", measure.parse, help_, "LIMIT")


GUARD_OPTIONS = (
    Option(
        "baseline",
        "",
        path,
        "results folder of an earlier run: fail the test of a case that is worse than there by more than the --max "
        "limits; needs --full-training",
        "DIR",
    ),
    *map(_limit_option, MEASURES),
)
