"""Depth and width as axes: from the base model, models that differ from it in one of the two alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from harness.config.families import parse_model

Axis = Literal["depth", "width"]


@dataclass(frozen=True)
class Axes:
    """The base model, and what lies along each axis from it, nearest first."""

    base: str
    depth: tuple[str, ...]
    width: tuple[str, ...]

    def along(self, axis: Axis) -> tuple[str, ...]:
        """The models of an axis, the base first."""
        return (self.base, *(self.depth if axis == "depth" else self.width))

    def steps(self, axis: Axis) -> list[tuple[str, str]]:
        """From each model of an axis to the next."""
        return list(pairwise(self.along(axis)))

    @property
    def counterparts(self) -> list[tuple[str, str]]:
        """Wider and deeper model at each equal scale factor, in the axes' order.

        The study doubles depth and width step by step (paper section 3.2.3), depth not quite: 20, 56, 110 stand beside
        ω = 1, 2, 4. So the factors of depth and of width count as equal where they are less than half a doubling
        apart; each model has one counterpart at most, the nearest. A model that is not there yet shifts no other.
        """
        base = parse_model(self.base)
        near = sorted(
            (abs(math.log2(parse_model(wide).width / base.width / (parse_model(deep).depth / base.depth))), wide, deep)
            for wide in self.width
            for deep in self.depth
        )
        found: dict[str, str] = {}
        for doublings, wide, deep in near:
            if doublings < 0.5 and wide not in found and deep not in found.values():
                found[wide] = deep
        return [(wide, found[wide]) for wide in self.width if wide in found]


def find_axes(models: Sequence[str]) -> Axes | None:
    """The axes through models of one family: from the shallowest of the narrowest; None where nothing lies on either.

    Models that differ from the base in both are on none.
    """
    parsed = [parse_model(model) for model in dict.fromkeys(models)]
    candidates = []
    for base in parsed:
        family = [other for other in parsed if other.family == base.family]
        depth = sorted(other.depth for other in family if other.width == base.width and other.depth > base.depth)
        width = sorted(other.width for other in family if other.depth == base.depth and other.width > base.width)
        place = (-bool(depth and width), -len(depth) - len(width), base.depth, base.width)
        candidates.append((place, base, depth, width))
    if not candidates:
        return None
    _, base, depth, width = min(candidates, key=lambda candidate: candidate[0])
    if not depth and not width:
        return None
    return Axes(
        base.name,
        tuple(replace(base, depth=value).name for value in depth),
        tuple(replace(base, width=value).name for value in width),
    )
