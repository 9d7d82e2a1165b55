"""Names, differences, tests and verdicts in words, as answers, tables and figures print them."""

from harness.analysis.budgets import Budget, BudgetVerdict
from harness.analysis.comparison import Comparison
from harness.analysis.stats import Difference, Interval
from harness.text import count, count_noun, duration, p_value, signed

COST_WORDS: dict[str, str] = {"total_seconds": "training time", "params": "parameters", "macs": "MACs"}
BUDGET_WORDS: dict[Budget, str] = {
    "total_seconds": "training time",
    "params": "parameters",
    "macs": "MACs",
    "scale_factor": "scale factor",
}


def cost_text(measure: str, cost: float) -> str:
    """Return a cost with its unit: ``34s``, ``1.73M``; a scale factor as ``×4``."""
    if measure == "scale_factor":
        return f"×{cost:g}"
    return duration(cost) if measure == "total_seconds" else count(cost)


def outcome_text(verdict: BudgetVerdict) -> str:
    """Return a verdict in a few words: ``wider``, ``equal within 0.5 pp``."""
    return f"equal within {verdict.margin:g} pp" if verdict.outcome == "equal" else verdict.outcome


def difference_text(interval: Interval) -> str:
    """Return a mean difference as text: ``+0.28 pp [−0.10, +0.66], n = 3``; one seed has no interval."""
    return f"{signed(interval.mean, 2)} pp{interval_text(interval, 2, is_signed=True)}"


def interval_text(interval: Interval, digits: int, *, is_signed: bool = False) -> str:
    """Return an interval's ends and n, as text to append to the mean; empty for one value."""
    if interval.n == 1 and interval.low is None:
        return ""
    if interval.low is None or interval.high is None:
        return f", nothing to test with, n = {interval.n}"
    low, high = (signed(end, digits) if is_signed else f"{end:.{digits}f}" for end in (interval.low, interval.high))
    return f" [{low}, {high}], n = {interval.n}"


def corrected_p_text(p_corrected: float | None, p_alone: float | None, correction: str) -> str:
    """Return a corrected p-value, ``p = .021 (Holm over 2 pairs; alone .010)``; empty without a test."""
    if p_corrected is None:
        return ""
    if not correction:
        return p_value(p_corrected)
    return f"{p_value(p_corrected)} ({correction}; alone {p_value(p_alone).removeprefix('p ').removeprefix('= ')})"


def comparison_p_text(comparison: Comparison) -> str:
    """Return a comparison's p-value as text; an exploratory one says so."""
    pairs = count_noun(comparison.family_size, "pair")
    correction = f"Holm over {pairs}" if comparison.family_size > 1 else ""
    if comparison.family == "exploratory":
        correction = f"exploratory, Holm over {pairs}"
    return corrected_p_text(comparison.p_value, comparison.p_alone, correction)


def image_note_text(note: Difference) -> str:
    """Return the test over images of one run each as text: ``McNemar on 360 images: p = .044``."""
    of = "McNemar on" if note.method == "McNemar" else "two proportions of"
    return f"{of} {note.n:,} images: {p_value(note.p_value)}, without the spread between seeds"


def level_text(alpha: float) -> str:
    """Return a level as text, ``α = 0.05``; a look's is ``α = 0.0221``."""
    return f"α = {alpha:.3g}"


def confidence_text(alpha: float) -> str:
    """Return the confidence 1 − α as text: ``95 %``, ``97.79 %``."""
    return f"{100 * (1 - alpha):.4g} %"


def percent_text(shares: tuple[float, ...]) -> str:
    """Return one probability or a range in percent: ``3 %``, ``0.6 to 17 %``."""
    texts = ["under 0.1" if one < 0.001 else f"{100 * one:.{0 if one >= 0.095 else 1}f}" for one in shares]
    return f"{' to '.join(dict.fromkeys(texts))} %"
