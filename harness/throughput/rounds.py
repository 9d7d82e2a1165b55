"""Rounds of several ways of working, measured alternately, and their disturbance; needs no torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.results.disturbance import Disturbance, causes_of, was_disturbed
from harness.text import listed


def require_pairs(speeds: Sequence[float], others: Sequence[float]) -> None:
    """Raise unless both ways have the same number of rounds, at least one, all with positive speeds.

    Raises:
        ValueError: there are no rounds, a round has no counterpart, or a speed is not positive.
    """
    if not speeds or len(speeds) != len(others) or min(*speeds, *others) <= 0:
        raise ValueError("rounds must come in pairs, at least one pair, with positive speeds")


def paired_ratios(speeds: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return one way's speed over the other's, round by round."""
    return [speed / other for speed, other in zip(speeds, others, strict=True)]


def strongest(disturbances: Iterable[Disturbance | None]) -> Disturbance | None:
    """Return the strongest of the disturbances; None if nothing is disturbed, or known about it."""
    return max(filter(was_disturbed, disturbances), key=lambda one: one.severity, default=None)


@dataclass(frozen=True)
class Disturbed:
    """The disturbance that remained in a measurement.

    Attributes:
        extent: the disturbed part, e.g. ``3 of 5 rounds``.
        causes: in words, each with its strongest figure.
    """

    extent: str
    causes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.extent} ({listed(self.causes)})"


def disturbed_part(noun: str, disturbances: Sequence[Disturbance | None]) -> Disturbed | None:
    """Return the disturbed ones of the parts with their causes; None if there are none.

    Args:
        noun: the parts' name, e.g. ``rounds``.
    """
    found = [*filter(was_disturbed, disturbances)]
    return Disturbed(f"{len(found)} of {len(disturbances)} {noun}", causes_of(found)) if found else None
