"""The table of related studies: the verdicts of each, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.wording import BUDGET_WORDS, outcome_text
from harness.report.tables.columns import (
    INTERVAL,
    SEED_COUNT,
    WIDER_MINUS_DEEPER,
    interval_values,
    non_empty,
    p_cell,
)
from harness.report.tables.table import Column, Table


def related_answers_table(
    file_name: str, title: str, heading: str, verdicts: Mapping[str, Sequence[BudgetVerdict]], note: str
) -> Table:
    """Return the verdict of each budget in each study.

    Args:
        heading: what the studies differ in.
        verdicts: by study, named by that.
    """
    rows = [_values(name, one) for name, of_study in verdicts.items() for one in of_study]
    rows.sort(key=lambda row: list(BUDGET_WORDS).index(row["budget"]))
    columns = [
        Column("at equal", "budget", lambda row: BUDGET_WORDS[row["budget"]], is_words=True),
        Column(heading, "study", is_words=True),
        Column("verdict", "verdict", lambda row: outcome_text(row["verdict"], row["margin_points"]), is_words=True),
        WIDER_MINUS_DEEPER,
        INTERVAL,
        Column("p corrected", "p_corrected", p_cell("p_corrected")),
        SEED_COUNT,
        Column("take", "take", is_words=True),
    ]
    silent = [name for name, of_study in verdicts.items() if not of_study]
    notes = (
        "each verdict is that of its own study, corrected for the budgets of that study alone",
        *([f"no verdict: {'; '.join(silent)}, see the study's own answer for the reason"] if silent else []),
        note,
    )
    return Table(file_name, title, non_empty(columns, rows), tuple(rows), notes)


def _values(name: str, verdict: BudgetVerdict) -> dict[str, Any]:
    return {
        "budget": verdict.budget,
        "study": name,
        "verdict": verdict.outcome,
        "margin_points": verdict.margin,
        **interval_values("difference_points", verdict.interval),
        "p_corrected": verdict.p_value,
        "seeds": verdict.interval.n,
        "take": verdict.take,
    }
