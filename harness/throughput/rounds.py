"""Rounds of two ways of working, measured alternately, and their disturbance; needs no torch."""

from collections.abc import Iterable, Sequence

from harness.results.disturbance import Disturbance, was_disturbed


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
