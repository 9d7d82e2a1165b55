"""The seeds that would settle what a study leaves open."""

from collections.abc import Sequence
from itertools import islice

from harness.analysis.answer import Question
from harness.analysis.budgets import BudgetVerdict
from harness.analysis.evidence import Evidence
from harness.analysis.power import TARGET_POINTS, detectable_points, seeds_needed

MOST_SEEDS = 40
"""If detecting 0.5 pp takes more seeds than these, no seeds are listed."""


def settling_seeds(evidence: Evidence, verdicts: Sequence[BudgetVerdict], question: Question) -> tuple[int, ...]:
    """Return the seeds that settle what is open, with those trained already; empty if none are needed.

    They are the planned seeds, or without a plan as many as detect 0.5 pp with 80 % power.

    Args:
        evidence: the study without models that are not trained out.
    """
    if not verdicts or all(one.is_decided for one in verdicts) or evidence.axes is None:
        return ()
    if question.plan is not None:
        return question.plan.seeds if len(evidence.seeds) < len(question.plan.seeds) else ()
    models, pairs, points = len(evidence.models), max(1, len(evidence.axes.counterparts)), question.spread.points
    least = min(len(evidence.of(model)) for one in verdicts for model in (*one.wide.weights, *one.deep.weights))
    can = detectable_points(least, models, pairs, points)
    if can is not None and can <= TARGET_POINTS:
        return ()
    needed = seeds_needed(TARGET_POINTS, models, pairs, points)
    if needed > MOST_SEEDS:
        return ()
    unused = (seed for seed in range(needed + len(evidence.seeds)) if seed not in evidence.seeds)
    return tuple(sorted([*evidence.seeds, *islice(unused, max(0, needed - len(evidence.seeds)))]))
