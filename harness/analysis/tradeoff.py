"""Accuracy against cost: wider and deeper at equal cost, and the models that no other one beats on both counts."""

import math
from dataclasses import dataclass
from itertools import pairwise

from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.stats import Difference, paired_difference


@dataclass(frozen=True)
class EqualCost:
    """A wider model beside what depth comes to at its cost.

    Attributes:
        cost: parameters, multiply-accumulates or training seconds, as of the wider model's mean.
        between: the two models on the depth axis that lie to either side of that cost.
        accuracy_percent: of the wider model.
        depth_accuracy_percent: of the depth axis at that cost, interpolated on the cost's logarithm, seed by seed. Both
            are means over the same seeds.
        difference: of the wider model over the depth axis, in percentage points, paired by seed.
    """

    measure: Measure
    model: str
    cost: float
    between: tuple[str, str]
    accuracy_percent: float
    depth_accuracy_percent: float
    difference: Difference


def at_equal_cost(evidence: Evidence) -> list[EqualCost]:
    """Every model on the width axis at every cost that the depth axis reaches; nothing is extrapolated."""
    axes = evidence.axes
    if axes is None:
        return []
    found = []
    for measure in COSTS:
        for model in axes.width:
            if (one := _at_equal_cost(evidence, measure, model, axes.along("depth"))) is not None:
                found.append(one)
    return found


def _at_equal_cost(evidence: Evidence, measure: Measure, model: str, depth: tuple[str, ...]) -> EqualCost | None:
    costs = {name: mean.mean for name in (model, *depth) if (mean := evidence.mean(name, measure)) is not None}
    if model not in costs:
        return None
    known = sorted((name for name in depth if name in costs), key=costs.__getitem__)
    for cheaper, dearer in pairwise(known):
        if costs[cheaper] <= costs[model] <= costs[dearer] and costs[cheaper] < costs[dearer]:
            share = math.log(costs[model] / costs[cheaper]) / math.log(costs[dearer] / costs[cheaper])
            ours, below, above = (evidence.values(name, "accuracy_percent") for name in (model, cheaper, dearer))
            seeds = sorted(ours.keys() & below.keys() & above.keys())
            if not seeds:
                return None
            interpolated = [(1 - share) * below[seed] + share * above[seed] for seed in seeds]
            wide = [ours[seed] for seed in seeds]
            return EqualCost(
                measure,
                model,
                costs[model],
                (cheaper, dearer),
                sum(wide) / len(seeds),
                sum(interpolated) / len(seeds),
                paired_difference(wide, interpolated),
            )
    return None


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
    by_seed = [_points_of(evidence, measure, seed) for seed in evidence.seeds]
    return [
        FrontMember(
            measure,
            model,
            *points[model],
            _beaten_by(model, points),
            sum(model in of_seed and _beaten_by(model, of_seed) is None for of_seed in by_seed),
            sum(model in of_seed for of_seed in by_seed),
        )
        for model in sorted(points, key=lambda model: (points[model][0], -points[model][1]))
    ]


def _points_of(evidence: Evidence, measure: Measure, seed: int) -> dict[str, tuple[float, float]]:
    """Cost and accuracy of every model with one seed."""
    points = {}
    for model in evidence.models:
        cost, accuracy = evidence.values(model, measure), evidence.values(model, "accuracy_percent")
        if seed in cost and seed in accuracy:
            points[model] = cost[seed], accuracy[seed]
    return points


def _beaten_by(model: str, points: dict[str, tuple[float, float]]) -> str | None:
    """The most accurate of the models that beat it."""
    cost, accuracy = points[model]
    better = [
        other
        for other, (its_cost, its_accuracy) in points.items()
        if its_cost <= cost and its_accuracy >= accuracy and (its_cost, its_accuracy) != (cost, accuracy)
    ]
    return max(better, key=lambda other: (points[other][1], -points[other][0]), default=None)
