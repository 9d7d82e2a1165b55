"""The tables of accuracy for its cost: wider against deeper at equal cost, and the Pareto front."""

from harness.analysis.equal_cost import compare_at_equal_cost
from harness.analysis.evidence import COSTS, Evidence
from harness.analysis.pareto import pareto_points
from harness.analysis.wording import COST_WORDS, short_name
from harness.report.tables.columns import (
    DIFFERENCE,
    P_HOLM,
    SEED_COUNT,
    interval_values,
    model_column,
    non_empty,
    signed_column,
    times_notes,
    yes_or_no,
)
from harness.report.tables.table import Column, Row, Table
from harness.text import count, duration


def equal_cost_table(evidence: Evidence) -> Table:
    """Return wider against deeper at the same parameters, MACs and time."""
    rows = [
        {
            "cost": COST_WORDS[one.measure],
            "model": one.model,
            "axis": one.axis,
            "cost_value": one.cost,
            "cheaper": one.between[0],
            "dearer": one.between[1],
            "seeds": one.difference.interval.n,
            "wide_percent": one.wide_percent,
            "deep_percent": one.deep_percent,
            **interval_values("difference_points", one.difference.interval),
            "p_value": one.difference.p_value,
            "p_holm": one.p_holm,
        }
        for one in compare_at_equal_cost(evidence)
    ]
    columns = [
        Column("at equal", "cost", is_words=True),
        model_column("as"),
        Column("cost", "cost_value", _cost_cell),
        Column("against", "cheaper", _between_cell, is_words=True),
        SEED_COUNT,
        Column("wide %", "wide_percent", "{:.2f}"),
        Column("deep %", "deep_percent", "{:.2f}"),
        signed_column("wide − deep pp", "difference_points"),
        DIFFERENCE[1],
        P_HOLM,
    ]
    notes = (
        "a model of one axis against the other axis at its cost, interpolated between two models on the logarithm of "
        "the cost, seed by seed, without extrapolation. p: paired over seeds, corrected over the rows of the table",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: wider against deeper at equal cost"
    return Table(f"{evidence.file_name}-equal-cost", title, non_empty(columns, rows), tuple(rows), notes)


def _between_cell(row: Row) -> str:
    other = "depth" if row["axis"] == "width" else "width"
    return f"{other} between {short_name(row['cheaper'])} and {short_name(row['dearer'])}"


def _cost_cell(row: Row) -> str:
    value = row["cost_value"]
    return duration(value) if row["cost"] == COST_WORDS["total_seconds"] else count(value)


def pareto_table(evidence: Evidence) -> Table:
    """Return the models with their place on or below each cost's Pareto front."""
    rows = [
        {
            "cost": COST_WORDS[one.measure],
            "model": one.model,
            "cost_value": one.cost,
            "accuracy_percent": one.accuracy_percent,
            "is_on_front": one.beaten_by is None,
            "beaten_by": one.beaten_by,
            "seeds_on_front": one.seeds_on_front,
            "seeds": one.seeds,
        }
        for measure in COSTS
        for one in pareto_points(evidence, measure)
    ]
    columns = [
        Column("accuracy against", "cost", is_words=True),
        model_column(),
        Column("cost", "cost_value", _cost_cell),
        Column("accuracy %", "accuracy_percent", "{:.2f}"),
        Column("on the front", "is_on_front", yes_or_no("is_on_front"), is_words=True),
        model_column("beaten by", "beaten_by"),
        Column("with seeds", "seeds_on_front", "{}"),
        Column("of", "seeds", "{}"),
    ]
    notes = (
        "the Pareto front of means: no other model is at least as accurate at no more cost; with seeds: the number of "
        "seeds that, each alone, have the model on the front",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: the Pareto front"
    return Table(f"{evidence.file_name}-pareto", title, non_empty(columns, rows), tuple(rows), notes, is_long=True)
