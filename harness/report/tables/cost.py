"""The tables of accuracy for its cost: wider against deeper at equal cost, and the Pareto front."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.comparison import Comparisons
from harness.analysis.cost_comparisons import CostComparison, compare_at_each_cost
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.pareto import models_worth_their_cost, pareto_points
from harness.analysis.wording import COST_WORDS, cost_text
from harness.report.tables.columns import (
    INTERVAL,
    SEED_COUNT,
    WIDER_MINUS_DEEPER,
    interval_values,
    model_column,
    non_empty,
    p_cell,
    times_notes,
    yes_or_no,
)
from harness.report.tables.table import Column, Row, Table

_MEASURES = {words: measure for measure, words in COST_WORDS.items()}


def equal_cost_table(evidence: Evidence, comparisons: Comparisons, verdicts: Sequence[BudgetVerdict]) -> Table:
    """Return wider against deeper at each model's cost; the dearest has the budget's verdict."""
    rows = [_equal_cost_values(one) for one in compare_at_each_cost(comparisons, verdicts)]
    columns = [
        Column("at equal", "cost", is_words=True),
        model_column("as"),
        Column("cost", "cost_value", _cost_cell),
        Column("against", "cheaper", _between_cell, is_words=True),
        SEED_COUNT,
        WIDER_MINUS_DEEPER,
        INTERVAL,
        Column("family", "family", is_words=True),
        Column("p corrected", "p_corrected", p_cell("p_corrected")),
    ]
    notes = (
        "a model of one axis against the other axis at its cost, interpolated between two models on the logarithm of "
        "the cost, never extrapolated. Family budget: the verdict at the dearest cost; exploratory: every other row, p "
        "corrected by Holm's method and intervals simultaneous over these rows",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: wider against deeper at equal cost"
    return Table(f"{evidence.file_name}-equal-cost", title, non_empty(columns, rows), tuple(rows), notes)


def _equal_cost_values(one: CostComparison) -> dict[str, Any]:
    return {
        "cost": COST_WORDS[one.point.measure],
        "model": one.point.model,
        "axis": one.point.axis,
        "cost_value": one.point.cost,
        "cheaper": one.point.between[0],
        "dearer": one.point.between[1],
        "seeds": one.interval.n,
        **interval_values("difference_points", one.interval),
        "family": one.family,
        "p_value": one.p_alone,
        "p_corrected": one.p_value,
    }


def _between_cell(row: Row) -> str:
    other = "depth" if row["axis"] == "width" else "width"
    return f"{other} between {row['cheaper']} and {row['dearer']}"


def _cost_cell(row: Row) -> str:
    return cost_text(_MEASURES[row["cost"]], row["cost_value"])


def pareto_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Return the models with their place on or below each cost's Pareto front."""
    rows = [row for measure in COSTS for row in _pareto_rows(comparisons, measure)]
    columns = [
        Column("accuracy against", "cost", is_words=True),
        model_column(),
        Column("cost", "cost_value", _cost_cell),
        Column("accuracy %", "accuracy_percent", "{:.2f}"),
        Column("on the front", "is_on_front", yes_or_no("is_on_front"), is_words=True),
        Column("in seeds", "seeds_on_front", "{seeds_on_front} of {seeds}".format_map),
        model_column("beaten by", "beaten_by"),
        Column("worth its cost", "is_worth_its_cost", yes_or_no("is_worth_its_cost"), is_words=True),
    ]
    notes = [
        "the Pareto front of means: no other model is at least as accurate at no more cost; in seeds: the number of "
        "seeds that, each alone, have the model on the front; worth its cost: on the front, and significantly above "
        "the next cheaper model there; empty for the cheapest",
        *times_notes(evidence),
    ]
    if comparisons.untrained:
        notes.insert(
            1, f"without models that are not trained out: {', '.join(one.model for one in comparisons.untrained)}"
        )
    title = f"{evidence.title}: the Pareto front"
    return Table(f"{evidence.file_name}-pareto", title, non_empty(columns, rows), tuple(rows), tuple(notes))


def _pareto_rows(comparisons: Comparisons, measure: Measure) -> list[dict[str, Any]]:
    worth = models_worth_their_cost(comparisons, measure)
    points = pareto_points(comparisons.evidence, measure)
    return [
        {
            "cost": COST_WORDS[measure],
            "model": one.model,
            "cost_value": one.cost,
            "accuracy_percent": one.accuracy_percent,
            "is_on_front": one.beaten_by is None,
            "beaten_by": one.beaten_by,
            "seeds_on_front": one.seeds_on_front,
            "seeds": one.seeds,
            "is_worth_its_cost": None if comparisons.fit is None or one is points[0] else one.model in worth,
        }
        for one in points
    ]
