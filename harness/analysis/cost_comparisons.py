"""Wider compared with deeper at the cost of every model: the budgets' own tests, and exploratory ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.comparison import Comparisons
from harness.analysis.equal_cost import EqualCost, dearest, equal_costs
from harness.analysis.multiplicity import family_size, holm
from harness.analysis.stats import Interval


@dataclass(frozen=True)
class CostComparison:
    """Wider minus deeper at one model's cost.

    Attributes:
        point: the model, and the other axis at its cost.
        interval: in percentage points, with the simultaneous interval of its family; without ends if untested.
        family: ``budget`` at the dearest cost, with the numbers of that budget's verdict; else ``exploratory``.
        p_alone, p_value: of this comparison alone, and corrected over its family; None if untested.
    """

    point: EqualCost
    interval: Interval
    family: Literal["budget", "exploratory"]
    p_alone: float | None = None
    p_value: float | None = None


def compare_at_each_cost(comparisons: Comparisons, verdicts: Sequence[BudgetVerdict]) -> list[CostComparison]:
    """Return wider minus deeper at each of a model's costs.

    Args:
        verdicts: of the same comparisons.
    """
    points = equal_costs(comparisons.evidence)
    verdict_at = {point: next(v for v in verdicts if v.budget == cost) for cost, point in dearest(points).items()}
    explored = iter(_explored(comparisons, [point for point in points if point not in verdict_at]))
    return [_decided(point, verdict_at[point]) if point in verdict_at else next(explored) for point in points]


def _decided(point: EqualCost, verdict: BudgetVerdict) -> CostComparison:
    return CostComparison(point, verdict.interval, "budget", verdict.p_alone, verdict.p_value)


def _explored(comparisons: Comparisons, points: Sequence[EqualCost]) -> list[CostComparison]:
    """Return exploratory comparisons, corrected as one family by Holm's method."""
    if comparisons.estimates is None:
        return []
    contrasts = comparisons.estimates.contrasts([point.contrast for point in points])
    p_values = holm([one.p_value for one in contrasts])
    share = comparisons.alpha / family_size(p_values)
    counts = [min(len(comparisons.evidence.of(model)) for model in point.contrast) for point in points]
    return [
        CostComparison(
            point, Interval(one.estimate, *one.interval(share), n, 1 - share), "exploratory", one.p_value, p_value
        )
        for point, one, n, p_value in zip(points, contrasts, counts, p_values, strict=True)
    ]  # fmt: skip
