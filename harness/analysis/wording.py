"""Names, differences, tests and verdicts in words, as answers, tables and figures print them."""

from collections.abc import Callable

from harness.analysis.budgets import BudgetVerdict, Outcome
from harness.analysis.comparison import Comparison
from harness.analysis.stats import Difference, Interval
from harness.analysis.training_sizes import SizeTrend
from harness.text import count, duration, p_number, p_value, short_time, signed, throughput

COST_WORDS: dict[str, str] = {
    "total_seconds": "training time", "params": "parameters", "macs": "MACs", "latency_seconds": "latency",
    "image_seconds": "throughput",
}  # fmt: skip
MULTIPLE_WORDS: dict[str, str] = {**COST_WORDS, "image_seconds": "time per image of a batch"}
"""Costs of which the dearer model has a multiple: it has less throughput, not more."""
BUDGET_WORDS: dict[str, str] = {**COST_WORDS, "scale_factor": "scale factor"}
_COST_NOUNS = {"total_seconds": "of training", "params": "parameters", "macs": "MACs", "latency_seconds": "latency"}
_COST_FORMS: dict[str, Callable[[float], str]] = {
    "total_seconds": duration, "latency_seconds": short_time, "image_seconds": throughput,
    "scale_factor": "×{:g}".format,
}  # fmt: skip


def cost_text(measure: str, cost: float) -> str:
    """Return a cost with its unit: ``34s``, ``1.73M``, ``1.23 ms``, ``8,330 images/s``, ``×4``."""
    return _COST_FORMS.get(measure, count)(cost)


def cost_noun_text(measure: str, cost: float) -> str:
    """Return a cost in words: ``34s of training``, ``1.73M parameters``, ``1.23 ms latency``."""
    return f"{cost_text(measure, cost)} {_COST_NOUNS.get(measure, '')}".rstrip()


def budget_cost_text(verdict: BudgetVerdict) -> str:
    """Return a verdict's budget with its unit; ``step 2`` if equal steps are compared."""
    return f"step {verdict.cost:g}" if verdict.is_step else cost_text(verdict.budget, verdict.cost)


def outcome_text(outcome: Outcome, margin: float) -> str:
    """Return a verdict in a few words: ``wider``, ``equal within 0.5 pp``."""
    return f"equal within {margin:g} pp" if outcome == "equal" else outcome


def difference_text(interval: Interval) -> str:
    """Return a mean difference as text: ``+0.28 pp [−0.10, +0.66], n = 3``; one seed has no interval."""
    return f"{signed(interval.mean, 2)} pp{interval_text(interval, 2, is_signed=True)}"


def interval_text(interval: Interval, digits: int, *, is_signed: bool = False) -> str:
    """Return an interval's ends and n, as text to append to the mean; empty for one value."""
    if interval.n == 1 and interval.low is None:
        return ""
    if interval.low is None or interval.high is None:
        return f", nothing to test with, n = {interval.n}"
    return f" {ends_text(interval, digits, is_signed=is_signed)}, n = {interval.n}"


def ends_text(interval: Interval, digits: int, *, is_signed: bool = False) -> str:
    """Return an interval's ends as text: ``[−0.10, +0.66]``; empty without ends."""
    if interval.low is None or interval.high is None:
        return ""
    low, high = (signed(end, digits) if is_signed else f"{end:.{digits}f}" for end in (interval.low, interval.high))
    return f"[{low}, {high}]"


def corrected_p_text(p_corrected: float | None, p_alone: float | None, correction: str) -> str:
    """Return a corrected p-value, ``p = .021 (Holm over 2 pairs; alone .010)``; empty without a test."""
    if p_corrected is None:
        return ""
    if not correction:
        return p_value(p_corrected)
    return f"{p_value(p_corrected)} ({correction}; alone {p_number(p_alone)})"


def confidence_text(confidence: float) -> str:
    """Return a level of confidence in percent: ``95 %``, at a declared look for example ``97.79 %``."""
    return f"{100 * confidence:.4g} %"


def level_text(alpha: float) -> str:
    """Return the level of a test: ``α = 0.05``, ``α = 0.0221``."""
    return f"α = {alpha:.3g}"


def comparison_p_text(comparison: Comparison) -> str:
    """Return a comparison's p-value as text; an exploratory one says so."""
    return corrected_p_text(comparison.p_value, comparison.p_alone, comparison.correction)


def image_note_text(note: Difference) -> str:
    """Return the test over images of one run each as text: ``McNemar on 360 images: p = .044``."""
    of = "McNemar on" if note.method == "McNemar" else "two proportions of"
    return f"{of} {note.n:,} images: {p_value(note.p_value)}, without the spread between seeds"


def trend_text(trend: SizeTrend) -> str:
    """Return a wider model's lead at the smallest and the largest size, and its change by doubling."""
    ends = list(trend.at_share.items())
    leads = [f"{difference_text(one.interval)} at {trend.images[share]:,} images" for share, one in (ends[0], ends[-1])]
    p = f", {p_value(trend.p_value)}" if trend.p_value is not None else ""
    slope = difference_text(trend.slope)
    return f"{trend.wide} minus {trend.deep}: {' and '.join(leads)}; by doubling of the images {slope}{p}"


def percent_text(shares: tuple[float, ...]) -> str:
    """Return one probability or a range in percent: ``3 %``, ``0.6 to 17 %``."""
    texts = ["under 0.1" if one < 0.001 else f"{100 * one:.{0 if one >= 0.095 else 1}f}" for one in shares]
    return f"{' to '.join(dict.fromkeys(texts))} %"
