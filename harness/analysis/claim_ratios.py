"""Judges of statements on ratios of costs or marginal gains, and on their growth with width."""

import math

from harness.analysis.claim_findings import RATIO_TOLERANCE, ClaimStudy, Finding, Verdict
from harness.analysis.evidence import TIMES
from harness.analysis.stats import Interval, fit_exponential, fit_power_law, mean_interval
from harness.paper.claims import Greater, GrowsExponentially, Quantity, Times
from harness.paper.published import STUDY_MODELS
from harness.text import signed

LAW_MARGIN = 0.01
"""A law of growth fits better than another if its R² is larger by this much."""


def _ratio(statement: Times | Greater, study: ClaimStudy) -> Interval | None:
    """Return the logarithm of the ratio between two models' quantities, paired by seed."""
    ours, theirs = (study.evidence.values(model, statement.quantity) for model in (statement.model, statement.other))
    seeds = sorted(seed for seed in ours.keys() & theirs.keys() if min(ours[seed], theirs[seed]) > 0)
    logarithms = [math.log(ours[seed] / theirs[seed]) for seed in seeds]
    return mean_interval(logarithms, 1 - study.comparisons.alpha) if seeds else None


def _device_note(quantity: Quantity, study: ClaimStudy) -> str:
    """Return the device of a time, for a time is true of one device only; empty for other quantities."""
    if quantity not in TIMES:
        return ""
    device = ", ".join(study.evidence.hardware) or "the paper's GPU, which it does not name"
    return f"timed on {device}; another device gives other times"


def _is_one_run(ratio: Interval, quantity: Quantity) -> bool:
    """Return whether a ratio depends on accuracies of one run each; costs and counts need no seeds."""
    return quantity == "marginal_gain" and ratio.n == 1


def judge_ratio(statement: Times, study: ClaimStudy) -> Finding | None:
    """Judge a ratio: supported within the tolerance of the claimed one and on its side of 1."""
    ratio = _ratio(statement, study)
    if ratio is None:
        return None
    numbers, note = _ratio_text(ratio), _device_note(statement.quantity, study)
    if _is_one_run(ratio, statement.quantity):
        return Finding(statement, "one run", numbers, note)
    least, most = (math.log(statement.ratio * (1 + sign * RATIO_TOLERANCE)) for sign in (-1, 1))
    least, most = (
        (max(least, 0.0), most) if statement.ratio > 1 else (least, min(most, 0.0))
    )  # a claim of more is not supported by less, nor the reverse
    low, high = (ratio.mean if end is None else end for end in (ratio.low, ratio.high))
    verdict: Verdict = "no significant difference"
    if least <= low and high <= most:
        verdict = "supported"
    elif high < least or low > most:
        verdict = "contradicted"
    return Finding(statement, verdict, numbers, note)


def _ratio_text(ratio: Interval) -> str:
    """Return a ratio as ``3.12 times [3.05, 3.19], n = 3`` or, near 1, ``+5.1 %``."""
    values = [math.exp(value) for value in (ratio.mean, ratio.low, ratio.high) if value is not None]
    if 0.5 < values[0] < 2:
        texts, unit = [signed(100 * (value - 1), 1) for value in values], "%"
    else:
        texts, unit = [f"{value:.2f}" for value in values], "times"
    interval = f" [{texts[1]}, {texts[2]}], n = {ratio.n}" if len(texts) == 3 else ""
    return f"{texts[0]} {unit}{interval}"


def judge_greater_ratio(statement: Greater, study: ClaimStudy) -> Finding | None:
    """Judge that one model has more of a quantity than another, over seeds."""
    ratio = _ratio(statement, study)
    if ratio is None:
        return None
    numbers, note = _ratio_text(ratio), _device_note(statement.quantity, study)
    verdict: Verdict = "supported" if ratio.mean > 0 else "contradicted"
    if _is_one_run(ratio, statement.quantity):
        verdict = "one run"
    elif ratio.mean == 0 or (ratio.low is not None and ratio.contains(0)):
        verdict = "no significant difference"
    return Finding(statement, verdict, numbers, note)


def judge_growth(statement: GrowsExponentially, study: ClaimStudy) -> Finding | None:
    """Judge growth along the width axis exponential if that law fits better than a power of ω."""
    evidence, axes = study.evidence, study.evidence.axes
    if axes is None or axes.base not in STUDY_MODELS.get(evidence.dataset, ()):
        return None
    means = {
        axes.scales.get(model, 1.0): mean.mean
        for model in axes.along("width")
        if (mean := evidence.mean(model, statement.quantity)) is not None
    }
    if len(means) < 3 or min(means.values()) <= 0:
        return None
    x, y = list(means), list(means.values())
    power, exponential = fit_power_law(x, y), fit_exponential(x, y)
    numbers = f"as ω^{power.exponent:.2f} (R² {power.r_squared:.3f}; exponential: {exponential.r_squared:.3f})"
    note = _device_note(statement.quantity, study)
    lead = exponential.r_squared - power.r_squared
    if exponential.exponent > 0 and abs(lead) < LAW_MARGIN:
        reason = f"both laws fit {len(means)} widths equally well"
        return Finding(statement, "not tested", numbers, "; ".join(filter(None, (reason, note))))
    return Finding(statement, "supported" if exponential.exponent > 0 and lead > 0 else "contradicted", numbers, note)
