"""The table of how alike the models' predictions are, between models and between seeds."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.disagreement import Alike, Disagreement
from harness.analysis.evidence import Evidence
from harness.report.tables.columns import P_HOLM, model_column, non_empty
from harness.report.tables.table import Column, Table


def disagreement_table(evidence: Evidence, found: Sequence[Disagreement]) -> Table | None:
    """Return a row per pair of models; None without a pair."""
    rows = [_row(one) for one in found]
    columns = [
        model_column(),
        model_column("other", "other"),
        Column("n", "seeds"),
        *_columns("disagree %", "disagreement_percent", "{:.2f}"),
        *_columns("error consistency", "error_consistency", "{:.3f}"),
        P_HOLM,
    ]
    notes = (
        "disagree: the share of test images that two networks put into different classes; mean over all pairs of a "
        "network of each model (between), and over the pairs of seeds of one model; n: seeds of both models",
        "error consistency: Cohen's kappa of “classified correctly”, which corrects for the number of errors (Geirhos "
        "et al. 2020): 1 for networks that fail on the same images, 0 for independent errors",
        "p: if the networks of both models were exchangeable, the share of splits of the runs with errors as much more "
        "alike within the groups than between them; counterparts alone, Holm" + _least_note(found),
    )
    title = f"{evidence.title}: disagreement between models and between seeds"
    name = f"{evidence.file_name}-predictions-disagreement"
    return Table(name, title, non_empty(columns, rows), tuple(rows), notes) if rows else None


def _least_note(found: Sequence[Disagreement]) -> str:
    """Return the smallest p-value that the seeds of some pair can give; empty without a test."""
    least = [one.least_p_value for one in found if one.least_p_value is not None]
    return f"; before the correction, so many seeds give no p below {min(least):.2g}" if least else ""


def _columns(heading: str, name: str, form: str) -> list[Column]:
    return [
        Column(f"{heading}: between", f"{name}_between", form),
        Column("its seeds", f"{name}_model", form),
        Column("other\N{RIGHT SINGLE QUOTATION MARK}s seeds", f"{name}_other", form),
    ]


def _row(one: Disagreement) -> dict[str, Any]:
    parts = {"between": one.between, "model": one.within[0], "other": one.within[1]}
    return {
        "model": one.model,
        "other": one.other,
        "seeds": f"{one.seeds[0]}, {one.seeds[1]}",
        **{f"disagreement_percent_{name}": _value(part, "disagreement_percent") for name, part in parts.items()},
        **{f"error_consistency_{name}": _value(part, "error_consistency") for name, part in parts.items()},
        "excess": one.excess,
        "p_value": one.p_value,
        "least_p_value": one.least_p_value,
        "p_holm": one.p_holm,
    }


def _value(part: Alike | None, name: str) -> float | None:
    value: float | None = None if part is None else getattr(part, name)
    return value
