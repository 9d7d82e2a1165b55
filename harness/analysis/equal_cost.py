"""Accuracy against cost: wider and deeper at equal cost, and the models that no other one beats on both counts."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.analysis.axes import Axis
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.stats import Difference, holm, paired_difference


@dataclass(frozen=True)
class EqualCost:
    """A model of one axis beside what the other axis comes to at its cost.

    Attributes:
        cost: parameters, multiply-accumulates or training seconds, as of the model's mean.
        between: the two models of the other axis that lie to either side of that cost.
        wide_percent, deep_percent: accuracies of width and depth at that cost, means over the same seeds. One is the
            model's own, the other interpolated on the cost's logarithm, seed by seed.
        difference: of wide over deep, in percentage points, paired by seed.
        p_holm: its p-value, corrected over all of a study's comparisons at equal cost.
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


def at_equal_cost(evidence: Evidence) -> list[EqualCost]:
    """Every model of either axis at every cost that the other axis reaches; nothing is extrapolated."""
    axes = evidence.axes
    if axes is None:
        return []
    sides: tuple[tuple[Axis, tuple[str, ...], Axis], ...] = (
        ("width", axes.width, "depth"),
        ("depth", axes.depth, "width"),
    )
    tried = [
        _at_equal_cost(evidence, measure, axis, model, axes.along(other))
        for measure in COSTS
        for axis, models, other in sides
        for model in models
    ]
    found = [one for one in tried if one is not None]
    p_values = holm([one.difference.p_value for one in found])
    return [replace(one, p_holm=p_holm) for one, p_holm in zip(found, p_values, strict=True)]


def _at_equal_cost(
    evidence: Evidence, measure: Measure, axis: Axis, model: str, others: tuple[str, ...]
) -> EqualCost | None:
    costs = {name: mean.mean for name in (model, *others) if (mean := evidence.mean(name, measure)) is not None}
    known = sorted((name for name in others if name in costs), key=costs.__getitem__)
    around = [
        pair
        for pair in pairwise(known)
        if model in costs and costs[pair[0]] <= costs[model] <= costs[pair[1]] and costs[pair[0]] < costs[pair[1]]
    ]
    if not around:
        return None
    cheaper, dearer = around[0]
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
    return EqualCost(measure, axis, model, costs[model], around[0], wide_percent, deep_percent, difference)


@dataclass(frozen=True)
class FrontMember:
    """A model's place by accuracy and a cost.

    Attributes:
        beaten_by: a model that is at least as accurate and costs no more, one of the two strictly; None on the front.
        seeds_on_front: with how many of ``seeds`` seeds it is on the front, each seed taken alone.
    """

    measure: Measure
    model: str
    cost: float
    accuracy_percent: float
    beaten_by: str | None
    seeds_on_front: int
    seeds: int


def pareto_front(evidence: Evidence, measure: Measure) -> list[FrontMember]:
    """Every model with a known cost, cheapest first: is it on the Pareto front of mean accuracy against mean cost?"""
    points: dict[str, tuple[float, float]] = {}
    for model in evidence.models:
        cost, accuracy = evidence.mean(model, measure), evidence.mean(model, "accuracy_percent")
        if cost is not None and accuracy is not None:
            points[model] = cost.mean, accuracy.mean
    by_seed = _seeds_on_front(evidence, measure)
    return [
        FrontMember(
            measure,
            model,
            *points[model],
            _beaten_by(model, points),
            *by_seed[model],
        )
        for model in sorted(points, key=lambda model: (points[model][0], -points[model][1]))
    ]


def models_on_front(evidence: Evidence, measure: Measure) -> list[FrontMember]:
    """Those of the models that no other one beats, cheapest first."""
    return [one for one in pareto_front(evidence, measure) if one.beaten_by is None]


def _seeds_on_front(evidence: Evidence, measure: Measure) -> dict[str, tuple[int, int]]:
    """With how many seeds each model is on the front, each seed taken alone, and how many it has."""
    # What is not known beats nothing: no comparison with it holds.
    costs, accuracies = (_by_seed(evidence, one) for one in (measure, "accuracy_percent"))
    known = ~np.isnan(costs) & ~np.isnan(accuracies)
    found = {}
    for row, model in enumerate(evidence.models):
        cost, accuracy = costs[row], accuracies[row]
        is_other = (costs != cost) | (accuracies != accuracy)
        is_beaten = ((costs <= cost) & (accuracies >= accuracy) & is_other).any(axis=0)
        found[model] = int((known[row] & ~is_beaten).sum()), int(known[row].sum())
    return found


def _by_seed(evidence: Evidence, measure: Measure) -> NDArray[np.float64]:
    """A measure's values, (models, seeds); no number where none is known."""
    column = {seed: place for place, seed in enumerate(evidence.seeds)}
    values = np.full((len(evidence.models), len(column)), np.nan)
    for row, model in enumerate(evidence.models):
        for seed, value in evidence.values(model, measure).items():
            values[row, column[seed]] = value
    return values


def _beaten_by(model: str, points: dict[str, tuple[float, float]]) -> str | None:
    """The most accurate of the models that beat it."""
    cost, accuracy = points[model]
    better = [
        other
        for other, (its_cost, its_accuracy) in points.items()
        if its_cost <= cost and its_accuracy >= accuracy and (its_cost, its_accuracy) != (cost, accuracy)
    ]
    return max(better, key=lambda other: (points[other][1], -points[other][0]), default=None)
