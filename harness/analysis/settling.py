"""The seeds that would settle what a study leaves open, and in words their number and cost."""

from collections.abc import Sequence
from itertools import islice

from harness.analysis.budgets import BudgetVerdict, are_decided
from harness.analysis.evidence import Evidence
from harness.analysis.power import Spread, brief_power_text, outlook, power_sentence, tested_pairs
from harness.analysis.sequential import SequentialPlan

MOST_SEEDS = 40
"""If detecting 0.5 pp takes more seeds than these, no seeds are listed."""


def settling_seeds(
    evidence: Evidence, verdicts: Sequence[BudgetVerdict], spread: Spread, plan: SequentialPlan | None
) -> tuple[int, ...]:
    """Return the seeds that settle what is open, with those trained already; empty if none are needed.

    They are the planned seeds, or without a plan as many as detect 0.5 pp with 80 % power.

    Args:
        evidence: the study without models that are not trained out.
    """
    if not verdicts or are_decided(verdicts) or evidence.axes is None:
        return ()
    if plan is not None:
        return plan.seeds if len(evidence.seeds) < len(plan.seeds) else ()
    models, pairs, points = len(evidence.models), tested_pairs(evidence.axes), spread.points
    least = min(len(evidence.of(model)) for one in verdicts for model in one.contrast)
    _, needed = outlook(least, models, pairs, points)
    if needed is None or needed > MOST_SEEDS:
        return ()
    unused = (seed for seed in range(needed + len(evidence.seeds)) if seed not in evidence.seeds)
    return tuple(sorted([*evidence.seeds, *islice(unused, max(0, needed - len(evidence.seeds)))]))


def settle_texts(evidence: Evidence, verdicts: Sequence[BudgetVerdict], spread: Spread) -> tuple[str, str]:
    """Return what the seeds can detect, in full and briefly; empty if every budget is decided."""
    if not verdicts or are_decided(verdicts) or evidence.axes is None:
        return "", ""
    counts = {len(evidence.of(model)) for one in verdicts for model in one.contrast}
    means = [evidence.mean(model, "total_seconds") for model in evidence.models]
    known = [mean.mean for mean in means if mean is not None]
    seconds = sum(known) if len(known) == len(means) else None
    study = max(counts), len(evidence.models), tested_pairs(evidence.axes), spread, seconds
    sentence, brief = power_sentence(*study), brief_power_text(*study)
    if len(counts) == 1:
        return sentence, brief
    return f"If every model had {max(counts)} seeds: {sentence}", f"with {max(counts)} seeds of each: {brief}"
