"""One run each: no verdict, but the chance that equal models differ by as much, also in words."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.evidence import Evidence
from harness.analysis.fit import Weights
from harness.analysis.power import Spread
from harness.analysis.wording import percent_text

ASSUMED_SPREADS_POINTS = (0.2, 0.4)
"""The usual range of the spread between seeds, used if no study of several seeds gives it."""


def chances_of_difference(evidence: Evidence, weights: Weights, points: float, spread: Spread) -> tuple[float, ...]:
    """Return the probabilities that models without a difference differ by so much in one run each.

    The statistic is d / √(σ² Σw² + flips/N²), with w = ±1 for a pair, the spread σ between seeds, and the number of
    test images that the two models classify differently; flips count for a pair with predictions only.

    Returns:
        one probability for a measured spread; for an assumed one those of 0.2 and 0.4 pp, in ascending order.
    """
    spreads = (spread.points,) if spread.is_measured else ASSUMED_SPREADS_POINTS
    variance = _image_variance(evidence, list(weights))
    squares = sum(weight**2 for weight in weights.values())
    z_values = [abs(points) / np.sqrt(squares * one**2 + variance) for one in spreads]
    return tuple(sorted(float(2 * stats.norm.sf(z)) for z in z_values))


def _image_variance(evidence: Evidence, models: Sequence[str]) -> float:
    """Return the variance of a pair's difference over test images in squared pp; 0 if unknown."""
    if len(models) != 2:
        return 0.0
    first, second = (next(iter(evidence.of(model).values())).read_correct() for model in models)
    if first is None or second is None:
        return 0.0
    return float(1e4 * np.sum(first != second) / len(first) ** 2)


def chances_text(evidence: Evidence, verdicts: Sequence[BudgetVerdict], spread: Spread) -> str:
    """Return how often equal models differ as much as the last budget's runs; empty if tested."""
    if not verdicts or any(one.outcome != "one run each" for one in verdicts):
        return ""
    last = verdicts[-1]
    return percent_text(chances_of_difference(evidence, last.contrast, abs(last.interval.mean), spread))


def one_run_headline(verdict: BudgetVerdict, chances: str) -> str:
    """Return the headline of one run each: the run that is ahead, and how often chance does as much."""
    ahead = verdict.wide if verdict.interval.mean > 0 else verdict.deep
    points = abs(verdict.interval.mean)
    if round(points, 2) == 0:
        return "One run each: no answer. The runs are equally accurate."
    side = "wider" if ahead is verdict.wide else "deeper"
    leader = f"{ahead.model}'s run is" if ahead.model else f"The {side} models' runs are"
    chance = f"equally good models differ by as much in {chances} of pairs"
    return f"One run each: no answer. {leader} {points:.2f} pp ahead; {chance}."


def one_run_line(verdict: BudgetVerdict, chances: str) -> str:
    """Return how often chance makes such a difference in one line, for a terminal."""
    points = round(abs(verdict.interval.mean), 2)
    chance = f"equally good models differ by {points:.2f} pp in {chances} of pairs"
    return f"no answer: {chance if points else 'the runs are equally accurate'}"
