"""What the paper lacks: differences tested, true marginal gain, thresholds, equal cost, the Pareto front, classes."""

from typing import Any

from harness.analysis.classes import class_changes, class_models
from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.equal_cost import compare_at_equal_cost
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.gain import Threshold, thresholds, true_gains
from harness.analysis.pareto import pareto_points
from harness.analysis.stats import Difference
from harness.analysis.wording import COST_WORDS, short
from harness.report.tables.columns import (
    DIFFERENCE,
    P_HOLM,
    SEED_COUNT,
    difference_values,
    ends_cell,
    interval_values,
    mean_cell,
    model_column,
    p_cell,
    signed_column,
    times_note,
    used,
)
from harness.report.tables.table import Column, Row, Table
from harness.text import count, duration

# cost: in what a true gain is told, its name in the CSV, and how much of the cost that is
GAIN_UNITS: dict[Measure, tuple[str, str, float]] = {
    "total_seconds": ("pp per minute", "points_per_minute", 60.0),
    "params": ("pp per M parameters", "points_per_million_params", 1e6),
    "macs": ("pp per 100 MMACs", "points_per_100_million_macs", 1e8),
}


def answer_tables(evidence: Evidence, comparisons: Comparisons) -> list[Table]:
    """What a study's measurements mean, table by table."""
    made = [
        _threshold_table(evidence, comparisons),
        _true_gain_table(evidence, comparisons),
        _equal_cost_table(evidence),
        _pareto_table(evidence),
        _differences_table(evidence, comparisons),
        _classes_table(evidence),
    ]
    return [table for table in made if table is not None and table.rows]


def _differences_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Every model beside every other one."""
    rows = [difference_values(one) for one in comparisons.all]
    columns = [
        model_column(),
        model_column("over", "other"),
        SEED_COUNT,
        *DIFFERENCE,
        Column("test", "method", is_words=True),
        Column("p", "p_value", p_cell("p_value")),
        P_HOLM,
        Column(
            "told from chance",
            "is_distinguishable",
            lambda row: "yes" if row["is_distinguishable"] else "no",
            is_words=True,
        ),
    ]
    title = f"{evidence.title}: differences in accuracy, in percentage points"
    notes = (
        f"paired by seed; p corrected by Holm's method over all {len(rows)} comparisons of the table",
        "of one seed: McNemar's exact test on the test images, which knows nothing of the spread between seeds",
    )
    return Table(f"{evidence.file_name}-differences", title, used(columns, rows), tuple(rows), notes, is_long=True)


def _true_gain_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Δaccuracy per Δcost along each axis from the base model."""
    rows = []
    for one in true_gains(evidence, comparisons):
        row = {"axis": one.axis, **difference_values(one.accuracy)}
        for cost, (_, name, unit) in GAIN_UNITS.items():
            gain = one.per_cost[cost]
            row |= interval_values(name, None if gain is None else gain.scaled(unit))
        rows.append(row)
    columns = [
        Column("axis", "axis", is_words=True),
        model_column(),
        model_column("over", "other"),
        SEED_COUNT,
        *DIFFERENCE[:2],
    ]
    columns += [
        Column(heading, name, mean_cell(name, is_percent=False, is_signed=True))
        for heading, name, _ in GAIN_UNITS.values()
    ]
    notes = (
        "Δaccuracy over Δcost from the base model, by seed, ± half of its 95 % interval; time: the whole training's",
        *times_note(evidence),
    )
    title = f"{evidence.title}: true marginal gain along each axis"
    return Table(f"{evidence.file_name}-true-gain", title, used(columns, rows), tuple(rows), notes)


def _threshold_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Each step along each axis, and where the axis stops paying."""
    rows = [
        {
            "axis": axis.axis,
            **difference_values(step),
            "is_threshold": step.model == axis.at,
            "verdict": _step(axis, step),
        }
        for axis in thresholds(evidence, comparisons)
        for step in axis.steps
    ]
    columns = [
        Column("axis", "axis", is_words=True),
        model_column("from", "other"),
        model_column("to"),
        SEED_COUNT,
        *DIFFERENCE,
        P_HOLM,
        Column("this step", "verdict", is_words=True),
    ]
    notes = (
        "the practical threshold of an axis (beyond it a network is overwidened or overdeepened): its first step whose "
        "gain is negative or cannot be told from zero. With few seeds that says as much of the seeds as of the network",
        "p: corrected by Holm's method over all pairs of models",
    )
    title = f"{evidence.title}: where each axis stops paying"
    return Table(f"{evidence.file_name}-thresholds", title, used(columns, rows), tuple(rows), notes)


def _step(axis: Threshold, step: Comparison) -> str:
    """A step in words."""
    if step.is_better:
        return "pays"
    fall = f"falls beyond chance: {axis.word}" if step.is_distinguishable else "no gain that can be told from zero"
    return f"{fall}; the threshold" if step.model == axis.at else fall


def _equal_cost_table(evidence: Evidence) -> Table:
    """Wider against deeper at the same parameters, MACs and time."""
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
        "a model of one axis against the other axis at its cost, interpolated between two models on the cost's "
        "logarithm, seed by seed; nothing is extrapolated. p: paired over seeds, corrected over the table's rows",
        *times_note(evidence),
    )
    title = f"{evidence.title}: wider against deeper at equal cost"
    return Table(f"{evidence.file_name}-equal-cost", title, used(columns, rows), tuple(rows), notes)


def _between_cell(row: Row) -> str:
    other = "depth" if row["axis"] == "width" else "width"
    return f"{other} between {short(row['cheaper'])} and {short(row['dearer'])}"


def _cost_cell(row: Row) -> str:
    value = row["cost_value"]
    return duration(value) if row["cost"] == COST_WORDS["total_seconds"] else count(value)


def _pareto_table(evidence: Evidence) -> Table:
    """Which models no other one beats on both accuracy and a cost."""
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
        Column("on the front", "is_on_front", lambda row: "yes" if row["is_on_front"] else "no", is_words=True),
        model_column("beaten by", "beaten_by"),
        Column("with seeds", "seeds_on_front", "{}"),
        Column("of", "seeds", "{}"),
    ]
    notes = (
        "the Pareto front of means: no other model is at least as accurate at no more cost; with seeds: each alone",
        *times_note(evidence),
    )
    title = f"{evidence.title}: the Pareto front"
    return Table(f"{evidence.file_name}-pareto", title, used(columns, rows), tuple(rows), notes, is_long=True)


def _classes_table(evidence: Evidence) -> Table | None:
    """Which classes width helps, which depth."""
    chosen = class_models(evidence)
    if chosen is None:
        return None
    base, deeper, wider = chosen
    rows = [
        {
            "class": one.class_name,
            "images": one.images,
            "base_recall_percent": one.base_percent,
            **_change_values("deeper", one.deeper, one.deeper_p_holm),
            **_change_values("wider", one.wider, one.wider_p_holm),
            "helped_by": one.helped_by,
        }
        for one in class_changes(evidence)
    ]
    columns = [
        Column("class", "class", is_words=True),
        Column("images", "images"),
        Column(f"{short(base)} %", "base_recall_percent", "{:.2f}"),
        *_change_columns("deeper", deeper),
        *_change_columns("wider", wider),
        Column("helped beyond chance by", "helped_by", is_words=True),
    ]
    notes = (
        "recall: the share of a class's test images classified right; changes from the base model in percentage "
        "points, paired by seed, with their 95 % interval; chance: corrected over classes and both models (Holm)",
    )
    title = f"{evidence.title}: what depth and width change in each class's recall"
    return Table(f"{evidence.file_name}-classes", title, used(columns, rows), tuple(rows), notes, is_long=True)


def _change_values(name: str, change: Difference | None, p_holm: float | None) -> dict[str, Any]:
    return interval_values(f"{name}_points", None if change is None else change.interval) | {f"{name}_p_holm": p_holm}


def _change_columns(name: str, model: str | None) -> list[Column]:
    if model is None:
        return []
    points = signed_column(f"{short(model)}: Δ pp", f"{name}_points")
    return [points, Column("95 % interval", f"{name}_points_low", ends_cell(f"{name}_points"))]
