"""The Pareto front of accuracy against cost: the models that no other model beats on both."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence, Measure


@dataclass(frozen=True)
class ParetoPoint:
    """A model's mean accuracy and cost, and the model that beats it on both, if any.

    Attributes:
        beaten_by: a model that is at least as accurate and costs no more, one of the two strictly; None on the front.
        seeds_on_front: seeds, out of ``seeds``, that put the model on the front when each seed is taken alone.
    """

    measure: Measure
    model: str
    cost: float
    accuracy_percent: float
    beaten_by: str | None
    seeds_on_front: int
    seeds: int


def pareto_points(evidence: Evidence, measure: Measure) -> list[ParetoPoint]:
    """Return every model with a known cost, cheapest first, on the front or beaten by another model."""
    points: dict[str, tuple[float, float]] = {}
    for model in evidence.models:
        cost, accuracy = evidence.mean(model, measure), evidence.mean(model, "accuracy_percent")
        if cost is not None and accuracy is not None:
            points[model] = cost.mean, accuracy.mean
    by_seed = _seeds_on_front(evidence, measure)
    return [
        ParetoPoint(measure, model, *points[model], _beaten_by(model, points), *by_seed[model])
        for model in sorted(points, key=lambda model: (points[model][0], -points[model][1]))
    ]


def models_on_front(evidence: Evidence, measure: Measure) -> list[ParetoPoint]:
    """Return the models that no other model beats, cheapest first."""
    return [one for one in pareto_points(evidence, measure) if one.beaten_by is None]


def models_worth_their_cost(comparisons: Comparisons, measure: Measure) -> list[str]:
    """Return the models that are significantly above the next cheaper one on the front, cheapest first.

    The cheapest model of the front is not among them: it has no cheaper one to be compared with.
    """
    front = [one.model for one in models_on_front(comparisons.evidence, measure)]
    pairs = [comparisons.of(model, cheaper) for cheaper, model in pairwise(front)]
    return [one.model for one in pairs if one is not None and one.is_better]


def _seeds_on_front(evidence: Evidence, measure: Measure) -> dict[str, tuple[int, int]]:
    """Return (seeds on the front, all seeds) by model, each seed taken alone."""
    # An unknown value is NaN: comparisons with it are false, so that it beats no model.
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
    """Return the values of a measure, (models, seeds); NaN if unknown."""
    column = {seed: place for place, seed in enumerate(evidence.seeds)}
    values = np.full((len(evidence.models), len(column)), np.nan)
    for row, model in enumerate(evidence.models):
        for seed, value in evidence.values(model, measure).items():
            values[row, column[seed]] = value
    return values


def _beaten_by(model: str, points: dict[str, tuple[float, float]]) -> str | None:
    """Return the most accurate of the models that beat this one, or None."""
    cost, accuracy = points[model]
    better = [
        other
        for other, (its_cost, its_accuracy) in points.items()
        if its_cost <= cost and its_accuracy >= accuracy and (its_cost, its_accuracy) != (cost, accuracy)
    ]
    return max(better, key=lambda other: (points[other][1], -points[other][0]), default=None)
