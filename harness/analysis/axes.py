"""The depth and the width axis: models that differ from the base model in depth or in width alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from harness.config.families import Model
from harness.config.given_axes import GivenAxes

Axis = Literal["depth", "width"]
AXES: tuple[Axis, ...] = ("depth", "width")


@dataclass(frozen=True)
class Axes:
    """The base model, and the models along each axis, nearest to the base first.

    Attributes:
        scales: by model, its depth or width over the base's; the number of its step along the axis if `is_by_step`.
        is_by_step: True if a model of given axes has no depth or width, so that the steps are only counted.
    """

    base: str
    depth: tuple[str, ...]
    width: tuple[str, ...]
    scales: Mapping[str, float] = field(default_factory=dict, compare=False)
    is_by_step: bool = field(default=False, compare=False)

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
        Each model has at most one counterpart, the nearest; a missing model does not change the other pairs. Models
        whose steps are only counted are paired by equal step.
        """
        near = sorted(
            (self._doublings_between(wide, deep), wide, deep)
            for wide in self.width
            for deep in self.depth
            if wide in self.scales and deep in self.scales
        )
        found: dict[str, str] = {}
        for doublings, wide, deep in near:
            if doublings < 0.5 and wide not in found and deep not in found.values():
                found[wide] = deep
        return [(wide, found[wide]) for wide in self.width if wide in found]

    def _doublings_between(self, wide: str, deep: str) -> float:
        if self.is_by_step:
            return 0.0 if self.scales[wide] == self.scales[deep] else math.inf
        return abs(math.log2(self.scales[wide] / self.scales[deep]))


@dataclass(frozen=True)
class _Place:
    """A model of a family's grid."""

    name: str
    family: str
    depth: int
    width: float


def find_axes(models: Iterable[Model], base: str | None = None) -> Axes | None:
    """Return the axes through models of one family, or None if no axis has a second model.

    The base is the model with both axes, then with the most models on them, then the shallowest and narrowest. Models
    that differ from it in depth and in width are on no axis, and neither are models without a place in a family.

    Args:
        base: the base's name, if it is given.
    """
    places = _places(models)
    candidates = []
    for one in places:
        family = [other for other in places if other.family == one.family]
        depth = sorted((o.depth, o.name) for o in family if o.width == one.width and o.depth > one.depth)
        width = sorted((o.width, o.name) for o in family if o.depth == one.depth and o.width > one.width)
        order = (-bool(depth and width), -len(depth) - len(width), one.depth, one.width)
        if (depth or width) and base in (None, one.name):
            candidates.append((order, one, depth, width))
    if not candidates:
        return None
    _, found, depth, width = min(candidates, key=lambda candidate: candidate[0])
    scales = _scales([(name, value, found.depth) for value, name in depth])
    scales |= _scales([(name, value, found.width) for value, name in width])
    return Axes(found.name, tuple(name for _, name in depth), tuple(name for _, name in width), scales)


def given_axes(given: GivenAxes, models: Mapping[str, Model]) -> Axes | None:
    """Return the axes as given, through the models with results; None without the base or another model.

    Args:
        models: the models with results, by name.
    """
    if given.base not in models:
        return None
    if not given.depth and not given.width:
        return find_axes(models.values(), given.base)
    depth, width = (tuple(name for name in axis if name in models) for axis in (given.depth, given.width))
    if not depth and not width:
        return None
    base = models[given.base]
    scales = _scales([(name, models[name].depth, base.depth) for name in depth])
    scales |= _scales([(name, models[name].width, base.width) for name in width])
    if len(scales) == len(depth) + len(width):
        return Axes(base.name, depth, width, scales)
    steps = {name: float(step) for axis in (given.depth, given.width) for step, name in enumerate(axis, 1)}
    return Axes(base.name, depth, width, steps, is_by_step=True)


def _places(models: Iterable[Model]) -> list[_Place]:
    """Return the models that have a place in a family, each name once."""
    return [
        _Place(one.name, one.family, one.depth, one.width)
        for one in {one.name: one for one in models}.values()
        if one.depth is not None and one.width is not None
    ]


def _scales(values: Sequence[tuple[str, float | None, float | None]]) -> dict[str, float]:
    """Return each model's depth or width over the base's; none for a model if one of both is unknown.

    Args:
        values: (name, the model's depth or width, the base's).
    """
    return {name: value / of_base for name, value, of_base in values if value and of_base}
