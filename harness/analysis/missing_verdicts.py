"""Budgets without a verdict, each with the reason."""

from collections.abc import Sequence

from harness.analysis.budgets import BUDGETS, Budget, BudgetVerdict
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import TIMES_OF_USE
from harness.analysis.tuned_verdicts import seeds_in_common
from harness.analysis.wording import BUDGET_WORDS


def missing_verdicts(comparisons: Comparisons, verdicts: Sequence[BudgetVerdict]) -> dict[Budget, str]:
    """Return the reason for each budget without a verdict, in the budgets' order.

    Latency and throughput are no budgets of a study that measured neither, as older ones.
    """
    given = {one.budget for one in verdicts}
    asked = [one for one in BUDGETS if one not in TIMES_OF_USE or comparisons.evidence.has_use_times]
    return {budget: _reason(comparisons, budget) for budget in asked if budget not in given}


def _reason(comparisons: Comparisons, budget: Budget) -> str:
    evidence = comparisons.evidence
    if seeds_in_common(evidence):
        return "reported seeds chose the learning rates"
    axes, such = evidence.axes, "that is trained out" if comparisons.untrained else "here"
    if axes is None or not (axes.width or axes.depth):
        return f"no wider or deeper model {such}"
    if not axes.width or not axes.depth:
        return f"no {'deeper' if axes.width else 'wider'} model {such}"
    if budget == "scale_factor" and axes.is_by_step:
        return "no wider and deeper model of the same step"
    if budget == "scale_factor":
        return "no wider and deeper model of about the same scale factor"
    if budget == "total_seconds" and not evidence.has_comparable_times:
        return "times were measured under different conditions"
    if budget == "total_seconds" and not any(evidence.values(model, "total_seconds") for model in evidence.models):
        return "training times are unknown"
    if budget in evidence.missing_use_times:
        return evidence.missing_use_times[budget]
    return f"the wider and the deeper models have no {BUDGET_WORDS[budget]} in common"
