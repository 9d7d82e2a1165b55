"""Rounds of two ways of doing the same, measured in turn and compared pair by pair: a drifting machine hurts both."""

from collections.abc import Sequence


def require_pairs(speeds: Sequence[float], others: Sequence[float]) -> None:
    """
    Raises:
        ValueError: there are no rounds, they do not pair, or a speed is not positive.
    """
    if not speeds or len(speeds) != len(others) or min(*speeds, *others) <= 0:
        raise ValueError("rounds come in pairs, one at least, and their speeds are positive")


def paired_ratios(speeds: Sequence[float], others: Sequence[float]) -> list[float]:
    """How many times as fast one way was as the other, round by round."""
    return [speed / other for speed, other in zip(speeds, others, strict=True)]
