"""The table of verdicts: wider or deeper at each budget, with the numbers behind it."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.evidence import Evidence
from harness.analysis.stats import SIGNIFICANCE
from harness.analysis.wording import BUDGET_WORDS, budget_cost_text, confidence_text, outcome_text
from harness.report.tables.columns import (
    INTERVAL,
    SEED_COUNT,
    WIDER_MINUS_DEEPER,
    ends_cell,
    interval_values,
    non_empty,
    p_cell,
    times_notes,
)
from harness.report.tables.table import Column, Row, Table
from harness.text import listed


def verdicts_table(evidence: Evidence, verdicts: Sequence[BudgetVerdict]) -> Table:
    """Return the verdict of each budget, with its numbers and the model to take."""
    rows, costs = [verdict_values(one) for one in verdicts], {one.budget: budget_cost_text(one) for one in verdicts}
    levels = [one.equality_interval.confidence for one in verdicts if one.equality_interval is not None]
    narrower = f"{confidence_text(max(levels, default=1 - 2 * SIGNIFICANCE))} interval"
    columns = [
        Column("at equal", "budget", lambda row: BUDGET_WORDS[row["budget"]], is_words=True),
        Column("budget", "cost_value", lambda row: costs[row["budget"]]),
        Column("verdict", "verdict", verdict_cell, is_words=True),
        WIDER_MINUS_DEEPER,
        INTERVAL,
        Column(narrower, "equality_low", ends_cell("equality")),
        Column("p alone", "p_value", p_cell("p_value")),
        Column("p corrected", "p_corrected", p_cell("p_corrected")),
        Column("correction", "correction", is_words=True),
        SEED_COUNT,
        Column("wider", "wide", is_words=True),
        Column("deeper", "deep", is_words=True),
        Column("cheaper and no worse", "no_worse", lambda row: row[row["no_worse"]], is_words=True),
        Column("take", "take", is_words=True),
    ]
    notes = (
        "at the dearest cost that both axes reach, interpolated between two models on the logarithm of the cost, never "
        f"extrapolated. Interval: simultaneous over the tests of the correction. Equal: the {narrower} lies within "
        "± the margin; no worse: its end on the side of the cheaper models' loss does",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: the verdict of each budget"
    return Table(f"{evidence.file_name}-verdicts", title, non_empty(columns, rows), tuple(rows), notes)


def verdict_values(verdict: BudgetVerdict) -> dict[str, Any]:
    """Return a verdict as plain values."""
    equality = verdict.equality_interval
    return {
        "budget": verdict.budget,
        "cost_value": verdict.cost,
        "verdict": verdict.outcome,
        "margin_points": verdict.margin,
        **interval_values("difference_points", verdict.interval),
        "confidence": verdict.interval.confidence,
        "equality_low": None if equality is None else equality.low,
        "equality_high": None if equality is None else equality.high,
        "p_value": verdict.p_alone,
        "p_corrected": verdict.p_value,
        "correction": verdict.correction or None,
        "seeds": verdict.interval.n,
        "wide": listed(verdict.wide.weights),
        "deep": listed(verdict.deep.weights),
        "wide_percent": verdict.wide.accuracy_percent,
        "deep_percent": verdict.deep.accuracy_percent,
        "no_worse": verdict.no_worse,
        "take": verdict.take,
    }


def verdict_cell(row: Row) -> str:
    """Return the outcome in words."""
    return outcome_text(row["verdict"], row["margin_points"])
