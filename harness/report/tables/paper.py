"""The paper's tables 4 to 7, its marginal gain and the literature beside measured values."""

from typing import Any

from harness.analysis.evidence import Evidence, published_evidence
from harness.analysis.f1_bound import FIGURE_TOLERANCE, f1_bound
from harness.config.datasets import SPECS
from harness.paper.published import PUBLISHED, Published
from harness.report.tables.columns import (
    MEAN_EPOCH_SECONDS,
    OVER_SEEDS,
    SEED_COUNT,
    disturbed_runs,
    interval_values,
    mean_cell,
    model_column,
    model_row,
    non_empty,
    signed_column,
    times_notes,
)
from harness.report.tables.literature import literature_table
from harness.report.tables.table import Column, Table
from harness.text import count, duration

_PAPER_TABLES = {"cifar10": (4, 5), "fashionmnist": (4, 5), "gtsrb": (6, 7)}


def paper_tables(evidence: Evidence) -> list[Table]:
    """Return the study's tables as in the paper, with published values if they are comparable."""
    made = [accuracy_table(evidence), _f1_table(evidence), _gain_table(evidence), literature_table(evidence)]
    return [table for table in made if table is not None and table.rows]


def accuracy_table(evidence: Evidence) -> Table:
    """Return the paper's table 4 or 6: parameters, accuracy and epoch time, measured beside published."""
    rows, measures = [], ("accuracy_percent", "epoch_seconds", "total_seconds")
    for model in evidence.models:
        first, published = next(iter(evidence.of(model).values())), _published(evidence, model)
        row = model_row(evidence, model) | {"params": first.params, "macs": first.macs}
        for measure in measures:
            row |= interval_values(measure, evidence.mean(model, measure))  # type: ignore[arg-type]
        best = [run.result.best_accuracy_percent for run in evidence.of(model).values() if run.result is not None]
        row["best_accuracy_percent"] = sum(filter(None, best)) / len(best) if best else None
        row["published_accuracy_percent"] = published and published.accuracy_percent
        row["over_published_points"] = published and row["accuracy_percent"] - published.accuracy_percent
        row["published_epoch_seconds"] = published and published.epoch_seconds
        row["disturbed_runs"] = disturbed_runs(evidence, model)
        rows.append(row)
    columns = [
        model_column(),
        SEED_COUNT,
        Column("params", "params", lambda row: count(row["params"])),
        Column("MACs", "macs", lambda row: count(row["macs"])),
        Column("accuracy %", "accuracy_percent", mean_cell("accuracy_percent")),
        Column("paper", "published_accuracy_percent", "{:.2f}"),
        signed_column("Δ pp", "over_published_points"),
        Column("best epoch %", "best_accuracy_percent", "{:.2f}"),
        MEAN_EPOCH_SECONDS,
        Column("paper", "published_epoch_seconds", "{:g}"),
        Column("total", "total_seconds", lambda row: duration(row["total_seconds"])),
    ]
    notes = [OVER_SEEDS, *times_notes(evidence)]
    if evidence.is_trained_as_published and evidence.dataset in _PAPER_TABLES:
        notes.append("the paper's times are from another, unnamed GPU; each of its accuracies is from one training")
    return Table(
        f"{evidence.file_name}-accuracy",
        _paper_title(evidence, 0, "accuracy and training time"),
        non_empty(columns, rows),
        tuple(rows),
        tuple(notes),
        droppable=("best epoch %", "MACs", "total", "params"),
    )


def _paper_title(evidence: Evidence, which: int, subject: str) -> str:
    """Return a title with the number of the paper's table: of its accuracies (0) or its F1 scores (1)."""
    numbers = _PAPER_TABLES.get(evidence.dataset) if evidence.is_trained_as_published else None
    return f"{evidence.title}: {subject}" + (f" (the paper's table {numbers[which]})" if numbers else "")


def _published(evidence: Evidence, model: str) -> Published | None:
    return PUBLISHED.get((evidence.dataset, model)) if evidence.is_trained_as_published else None


def _f1_table(evidence: Evidence) -> Table:
    """Return the paper's table 5 or 7: macro-F1 beside accuracy, with its upper bound."""
    is_balanced = _is_balanced(evidence)
    is_of_paper = evidence.is_trained_as_published and evidence.dataset in _PAPER_TABLES
    published = _published_runs(evidence) if is_of_paper else {}
    rows = []
    for model in evidence.models:
        row = model_row(evidence, model)
        row |= interval_values("accuracy_percent", evidence.mean(model, "accuracy_percent"))
        row |= interval_values("macro_f1_percent", evidence.mean(model, "macro_f1_percent"))
        theirs = published.get(model)
        bound = f1_bound(theirs, SPECS[evidence.dataset].num_classes) if theirs and is_balanced else None
        row |= {
            "published_accuracy_percent": theirs and theirs.accuracy_beside_f1_percent,
            "published_macro_f1_percent": theirs and theirs.macro_f1_percent,
            "published_macro_f1_bound_percent": bound,
            "is_published_f1_possible": None
            if bound is None or not theirs
            else theirs.macro_f1_percent <= bound + FIGURE_TOLERANCE,
        }
        rows.append(row)
    columns = [
        model_column(),
        SEED_COUNT,
        Column("accuracy %", "accuracy_percent", mean_cell("accuracy_percent")),
        Column("macro-F1 %", "macro_f1_percent", mean_cell("macro_f1_percent")),
        Column("paper: accuracy", "published_accuracy_percent", "{:.2f}"),
        Column("F1", "published_macro_f1_percent", "{:.2f}"),
        Column("F1 at most", "published_macro_f1_bound_percent", "{:.2f}"),
        Column("possible", "is_published_f1_possible", lambda row: "yes" if row["is_published_f1_possible"] else "NO"),
    ]
    notes = [OVER_SEEDS]
    if published and is_balanced:
        notes.append("F1 at most: the highest macro-F1 that the published accuracy allows on a balanced test set")
    title = _paper_title(evidence, 1, "macro-F1 beside accuracy")
    return Table(f"{evidence.file_name}-f1", title, non_empty(columns, rows), tuple(rows), tuple(notes))


def _published_runs(evidence: Evidence) -> dict[str, Any]:
    return {run.model: run for run in published_evidence(evidence.dataset).runs}


def _is_balanced(evidence: Evidence) -> bool:
    """Return whether all classes have equally many test images, as the bound on macro-F1 requires."""
    result = evidence.runs[0].result if evidence.runs else None
    return result is not None and len({scores["images"] for scores in result.per_class}) == 1


def _gain_table(evidence: Evidence) -> Table:
    """Return the paper's marginal gain (equation 6), measured beside published and drawn."""
    rows = []
    for model in evidence.models:
        published, gain = _published(evidence, model), evidence.mean(model, "marginal_gain")
        if gain is not None or published is not None:
            rows.append(
                model_row(evidence, model)
                | interval_values("marginal_gain", gain)
                | {
                    "published_marginal_gain": published and published.marginal_gain,
                    "figure_marginal_gain": published and published.figure_marginal_gain,
                }
            )
    columns = [
        model_column(),
        SEED_COUNT,
        Column("gain %/s", "marginal_gain", mean_cell("marginal_gain", is_percent=False)),
        Column("paper, from its table", "published_marginal_gain", "{:.5f}"),
        Column("paper, as drawn", "figure_marginal_gain", "{:.4g}"),
    ]
    notes = [
        "equation 6: final accuracy in percent over total training seconds, an average despite its name; it depends on "
        "the number of epochs and on the device",
        OVER_SEEDS,
        *times_notes(evidence),
    ]
    title = f"{evidence.title}: the paper's marginal gain"
    return Table(f"{evidence.file_name}-gain", title, non_empty(columns, rows), tuple(rows), tuple(notes))
