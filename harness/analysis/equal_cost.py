"""Wider against deeper at an equal cost, interpolated along the other axis."""

import math
from dataclasses import dataclass
from itertools import pairwise

from harness.analysis.axes import Axis
from harness.analysis.evidence import COSTS, TIMES_OF_USE, Evidence, Measure
from harness.analysis.fit import Weights

TIMING_ERROR = 1.05
"""Times of use that differ by a smaller factor count as equal: medians of repeated measurements agree within 5 %."""


@dataclass(frozen=True)
class EqualCost:
    """A model of one axis beside the other axis, interpolated at the model's cost.

    Attributes:
        cost: the model's mean of the measure.
        between: the cheaper and the dearer model of the other axis that enclose this cost.
        share: the dearer one's weight, from 0 to 1: the place of the cost between the two on a logarithmic scale.
    """

    measure: Measure
    axis: Axis
    model: str
    cost: float
    between: tuple[str, str]
    share: float

    @property
    def wide(self) -> Weights:
        """The weights of the models whose mean is width's accuracy at the cost."""
        return {self.model: 1.0} if self.axis == "width" else self._interpolated

    @property
    def deep(self) -> Weights:
        """The weights of the models whose mean is depth's accuracy at the cost."""
        return {self.model: 1.0} if self.axis == "depth" else self._interpolated

    @property
    def _interpolated(self) -> Weights:
        cheaper, dearer = self.between
        return {model: weight for model, weight in ((cheaper, 1 - self.share), (dearer, self.share)) if weight}

    @property
    def contrast(self) -> Weights:
        """The weights of wide minus deep."""
        return difference_of(self.wide, self.deep)


def difference_of(wide: Weights, deep: Weights) -> Weights:
    """Return the weights of one weighted mean minus another; a model can be in both."""
    models = dict.fromkeys((*wide, *deep))
    return {model: wide.get(model, 0.0) - deep.get(model, 0.0) for model in models}


def equal_costs(evidence: Evidence) -> list[EqualCost]:
    """Return each model of an axis beside the other axis at each cost that both reach; never extrapolate."""
    axes = evidence.axes
    if axes is None:
        return []
    sides: tuple[tuple[Axis, tuple[str, ...], Axis], ...] = (
        ("width", axes.width, "depth"),
        ("depth", axes.depth, "width"),
    )
    tried = [
        _at_cost_of(evidence, measure, axis, model, axes.along(other))
        for measure in COSTS
        for axis, models, other in sides
        for model in models
    ]
    return [one for one in tried if one is not None]


def dearest(found: list[EqualCost]) -> dict[Measure, EqualCost]:
    """Return, for each kind of cost, the comparison at the dearest cost that both axes reach."""
    return {
        measure: max(of_measure, key=lambda one: one.cost)
        for measure in COSTS
        if (of_measure := [one for one in found if one.measure == measure])
    }


def _at_cost_of(
    evidence: Evidence, measure: Measure, axis: Axis, model: str, others: tuple[str, ...]
) -> EqualCost | None:
    """Return one model beside the other axis at its cost; None if that axis does not reach the cost."""
    means = {name: mean.mean for name in (model, *others) if (mean := evidence.mean(name, measure)) is not None}
    costs = {name: cost for name, cost in means.items() if cost > 0}  # 0 has no logarithm
    of_others = {name: costs[name] for name in others if name in costs}
    if model not in costs or not of_others:
        return None
    cost = costs[model]
    if measure in TIMES_OF_USE:  # on a GPU a wider model can be as fast as the base, and measured a little faster
        cost = _within(min(of_others.values()), max(of_others.values()), cost)
    between = _enclosing_pair(of_others, cost)
    if between is None:
        return None
    cheaper, dearer = between
    share = math.log(cost / costs[cheaper]) / math.log(costs[dearer] / costs[cheaper])
    return EqualCost(measure, axis, model, costs[model], between, share)


def _within(low: float, high: float, cost: float) -> float:
    """Return the nearest end of a range for a time beside it by at most the timing error, else the time."""
    nearest = min(max(cost, low), high)
    return nearest if 1 / TIMING_ERROR <= cost / nearest <= TIMING_ERROR else cost


def _enclosing_pair(costs: dict[str, float], cost: float) -> tuple[str, str] | None:
    """Return the two models, cheaper first, whose costs enclose a cost; None if none do."""
    for cheaper, dearer in pairwise(sorted(costs, key=costs.__getitem__)):
        if costs[cheaper] <= cost <= costs[dearer] and costs[cheaper] < costs[dearer]:
            return cheaper, dearer
    return None
