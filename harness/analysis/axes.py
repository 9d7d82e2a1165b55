"""The depth and the width axis: models that differ from the base model in depth or in width alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from harness.config.families import parse_model

Axis = Literal["depth", "width"]
AXES: tuple[Axis, ...] = ("depth", "width")


@dataclass(frozen=True)
class Axes:
    """The base model, and the models along each axis, nearest to the base first."""

    base: str
    depth: tuple[str, ...]
    width: tuple[str, ...]

    def along(self, axis: Axis) -> tuple[str, ...]:
        """Return the models of an axis, the base first."""
        return (self.base, *(self.depth if axis == "depth" else self.width))

    def steps(self, axis: Axis) -> list[tuple[str, str]]:
        """Return (model, next model) pairs along an axis."""
        return list(pairwise(self.along(axis)))

    @property
    def counterparts(self) -> list[tuple[str, str]]:
        """The (wider, deeper) pairs of models at each equal scale factor, in the axes' order.

        The study doubles depth and width step by step (paper section 3.2.3), but depth only roughly: depths 20, 56, 110
        correspond to ω = 1, 2, 4. Two factors therefore count as equal if they are less than half a doubling apart.
        Each model has at most one counterpart, the nearest; a missing model does not change the other pairs.
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
    """Return the axes through models of one family, or None if no axis has a second model.

    The base is the model with both axes, then with the most models on them, then the shallowest and narrowest. Models
    that differ from it in depth and in width are on no axis.
    """
    parsed = [parse_model(model) for model in dict.fromkeys(models)]
    candidates = []
    for base in parsed:
        family = [other for other in parsed if other.family == base.family]
        depth = sorted((o.depth, o.name) for o in family if o.width == base.width and o.depth > base.depth)
        width = sorted((o.width, o.name) for o in family if o.depth == base.depth and o.width > base.width)
        place = (-bool(depth and width), -len(depth) - len(width), base.depth, base.width)
        candidates.append((place, base, depth, width))
    if not candidates:
        return None
    _, base, depth, width = min(candidates, key=lambda candidate: candidate[0])
    if not depth and not width:
        return None
    return Axes(
        base.name,
        tuple(name for _, name in depth),
        tuple(name for _, name in width),
    )
