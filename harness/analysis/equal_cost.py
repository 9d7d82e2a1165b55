"""Wider against deeper at equal parameters, MACs or training time, interpolated along the other axis."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from harness.analysis.axes import Axis
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.stats import Difference, holm, paired_difference


@dataclass(frozen=True)
class EqualCostComparison:
    """A model of one axis compared with the other axis, interpolated at the model's cost.

    Attributes:
        cost: the model's mean parameters, multiply-accumulates or training seconds.
        between: the cheaper and the dearer model of the other axis that enclose this cost.
        wide_percent, deep_percent: mean accuracies of width and of depth at this cost, over the same seeds. One is
            measured, the other interpolated on the logarithm of the cost, seed by seed.
        difference: wide minus deep in percentage points, paired by seed.
        p_holm: the p-value after Holm's correction over all comparisons at equal cost of the study.
    """

    measure: Measure
    axis: Axis
    model: str
    cost: float
    between: tuple[str, str]
    wide_percent: float
    deep_percent: float
    difference: Difference
    p_holm: float | None = None


def compare_at_equal_cost(evidence: Evidence) -> list[EqualCostComparison]:
    """Compare each model of an axis with the other axis at each cost that both reach; never extrapolate."""
    axes = evidence.axes
    if axes is None:
        return []
    sides: tuple[tuple[Axis, tuple[str, ...], Axis], ...] = (
        ("width", axes.width, "depth"),
        ("depth", axes.depth, "width"),
    )
    tried = [
        _compare_at_cost_of(evidence, measure, axis, model, axes.along(other))
        for measure in COSTS
        for axis, models, other in sides
        for model in models
    ]
    found = [one for one in tried if one is not None]
    p_values = holm([one.difference.p_value for one in found])
    return [replace(one, p_holm=p_holm) for one, p_holm in zip(found, p_values, strict=True)]


def _compare_at_cost_of(
    evidence: Evidence, measure: Measure, axis: Axis, model: str, others: tuple[str, ...]
) -> EqualCostComparison | None:
    """Compare one model with the other axis at its cost; return None if that axis does not reach the cost."""
    costs = {name: mean.mean for name in (model, *others) if (mean := evidence.mean(name, measure)) is not None}
    between = _enclosing_pair(costs, model, others)
    if between is None:
        return None
    cheaper, dearer = between
    share = math.log(costs[model] / costs[cheaper]) / math.log(costs[dearer] / costs[cheaper])
    ours, below, above = (evidence.values(name, "accuracy_percent") for name in (model, cheaper, dearer))
    seeds = sorted(ours.keys() & below.keys() & above.keys())
    if not seeds:
        return None
    own = [ours[seed] for seed in seeds]
    interpolated = [(1 - share) * below[seed] + share * above[seed] for seed in seeds]
    wide, deep = (own, interpolated) if axis == "width" else (interpolated, own)
    wide_percent, deep_percent = (sum(values) / len(seeds) for values in (wide, deep))
    difference = paired_difference(wide, deep)
    return EqualCostComparison(measure, axis, model, costs[model], between, wide_percent, deep_percent, difference)


def _enclosing_pair(costs: dict[str, float], model: str, others: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the two other models, cheaper first, that enclose the model's cost; None if none do."""
    if model not in costs:
        return None
    known = sorted((name for name in others if name in costs), key=costs.__getitem__)
    for cheaper, dearer in pairwise(known):
        if costs[cheaper] <= costs[model] <= costs[dearer] and costs[cheaper] < costs[dearer]:
            return cheaper, dearer
    return None
