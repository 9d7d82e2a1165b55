"""The tables of the grid: its cells, the model to take for a budget, and laws of error against cost."""

from collections.abc import Callable

from harness.analysis.affordable import MAX_CHOICES, Choice
from harness.analysis.cost_laws import CostLaw
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.grid import Grid
from harness.analysis.interaction import Interaction
from harness.analysis.wording import COST_WORDS, cost_text
from harness.report.tables.columns import (
    OVER_SEEDS,
    SEED_COUNT,
    ends_cell,
    interval_values,
    mean_cell,
    model_column,
    model_row,
    non_empty,
    signed_column,
    times_notes,
)
from harness.report.tables.table import Column, Row, Table
from harness.text import signed

_MAX_NAMED = 4  # models that a cell names


def cells_table(evidence: Evidence, grid: Grid, interaction: Interaction | None) -> Table:
    """Return each cell's accuracy, beside that of the additive model."""
    rows = []
    for (depth, width), model in grid.cells.items():
        mean = evidence.mean(model, "accuracy_percent")
        row = model_row(evidence, model) | {"depth": depth, "width": width, **interval_values("accuracy_percent", mean)}
        if interaction is not None and model in interaction.additive_percent:
            row["additive_percent"] = interaction.additive_percent[model]
            row["beyond_points"] = interaction.beyond_points[model]
        row |= {one: None if (cost := evidence.mean(model, one)) is None else cost.mean for one in COSTS}
        rows.append(row)
    columns = [
        model_column(),
        Column("depth", "depth"),
        Column("width", "width", "{:g}"),
        SEED_COUNT,
        Column("accuracy %", "accuracy_percent", mean_cell("accuracy_percent")),
        Column("if they added up", "additive_percent", "{:.2f}"),
        signed_column("beyond pp", "beyond_points"),
        *map(_cost_column, COSTS),
    ]
    notes = (
        OVER_SEEDS,
        "if they added up: one effect of each depth and one of each width, least squares over the cells; beyond: the "
        "accuracy, adjusted to the same seeds as every other model's, minus that",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: the grid of depth and width"
    return Table(f"{evidence.file_name}-grid", title, non_empty(columns, rows), tuple(rows), notes)


def choices_table(evidence: Evidence, choices: list[Choice], accuracy: dict[str, float]) -> Table:
    """Return the model to take for each range of budgets."""
    rows = [
        {
            "cost": COST_WORDS[one.measure],
            "measure": one.measure,
            "least": one.least,
            "below": one.below,
            "model": one.model,
            "accuracy_percent": accuracy[one.model],
            "seeds": len(evidence.of(one.model)),
            "affordable": len(one.affordable),
            "not_worse": None if one.not_worse is None else ", ".join(one.not_worse),
            "cheapest": None if one.not_worse is None else one.not_worse[0],
            "not_worse_count": None if one.not_worse is None else len(one.not_worse),
            "untested": ", ".join(one.untested) or None,
        }
        for one in choices
    ]
    columns = [
        Column("limit on", "cost", is_words=True),
        Column("from", "least", lambda row: cost_text(row["measure"], row["least"])),
        Column("below", "below", lambda row: cost_text(row["measure"], row["below"])),
        model_column("take"),
        Column("accuracy %", "accuracy_percent", "{:.2f}"),
        SEED_COUNT,
        Column("of", "affordable", "{} affordable"),
        Column("not shown to be worse", "not_worse", _names_cell("not_worse"), is_words=True),
        Column("not tested", "untested", _names_cell("untested"), is_words=True),
    ]
    notes = (
        "the highest mean of all measured models that cost less than the range's end; costs count as known; at most "
        f"{MAX_CHOICES} ranges for a kind of cost, at even distances",
        "not shown to be worse: by one-sided tests against the highest mean, Bonferroni over the others, cheapest "
        "first; the truly best tested model is among them in at least 95 % of studies, for each row alone; not tested: "
        "of models with one run, if the spread between seeds is unknown",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: the model to take for a budget"
    return Table(f"{evidence.file_name}-grid-choices", title, non_empty(columns, rows), tuple(rows), notes)


def _cost_column(measure: Measure) -> Column:
    return Column(COST_WORDS[measure], measure, lambda row: cost_text(measure, row[measure]))


def _names_cell(name: str) -> Callable[[Row], str]:
    """Return the format of a list of models, of which a cell names the first."""

    def cell(row: Row) -> str:
        names = row[name].split(", ")
        more = len(names) - _MAX_NAMED
        return ", ".join(names) if more <= 0 else f"{', '.join(names[:_MAX_NAMED])} and {more} more"

    return cell


def laws_table(evidence: Evidence, laws: list[CostLaw]) -> Table:
    """Return the laws of error against cost, and the predictions of those that are kept."""
    rows = [
        {
            "axis": one.axis,
            "cost": COST_WORDS[one.measure],
            "measure": one.measure,
            "models": one.models,
            **interval_values("exponent", one.exponent if one.is_kept else None),
            **{f"{name.replace(' ', '_')}_error_points": error for name, error in one.errors_points.items()},
            "is_kept": one.is_kept,
            "predicted_at": one.cost if one.is_kept else None,
            **interval_values("predicted_percent", one.accuracy_percent if one.is_kept else None),
        }
        for one in laws
    ]
    columns = [
        Column("along", "axis", is_words=True),
        Column("error against", "cost", is_words=True),
        Column("models", "models"),
        Column("law", "is_kept", _law_cell, is_words=True),
        *(
            Column(heading, f"{name}_error_points", "{:.2f}")
            for heading, name in (
                ("left out: law pp", "law"),
                ("mean pp", "mean"),
                ("between: law pp", "law_between"),
                ("interpolation pp", "interpolation"),
            )
        ),
        Column("prediction at", "predicted_at", lambda row: cost_text(row["measure"], row["predicted_at"])),
        Column("predicted %", "predicted_percent", _prediction_cell),
    ]
    notes = (
        "error = a · cost^b through the mean errors of an axis's models, four or more",
        "left out: root mean square error of predicting each model from the others, by the law and by their mean; "
        "between: of the models between others, by the law and by interpolation. No law is given that predicts worse",
        "a prediction is an extrapolation to twice the dearest cost, with the 95 % interval for one more model if the "
        "law holds there",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: error against cost along each axis, a prediction"
    return Table(f"{evidence.file_name}-grid-laws", title, non_empty(columns, rows), tuple(rows), notes)


def _law_cell(row: Row) -> str:
    if not row["is_kept"]:
        return "none: predicts no better"
    return f"cost^{signed(row['exponent'], 2)} [{ends_cell('exponent')(row)}]"


def _prediction_cell(row: Row) -> str:
    low, high = row["predicted_percent_low"], row["predicted_percent_high"]
    return f"{row['predicted_percent']:.2f} [{low:.2f}, {high:.2f}]"
