"""The table of classes: the change in each class's recall by depth and by width."""

from typing import Any

from harness.analysis.classes import class_changes, class_models
from harness.analysis.evidence import Evidence
from harness.analysis.stats import SIGNIFICANCE, Difference
from harness.analysis.wording import level_text
from harness.report.tables.columns import ends_cell, interval_values, non_empty, signed_column
from harness.report.tables.table import Column, Table


def classes_table(evidence: Evidence, alpha: float = SIGNIFICANCE) -> Table | None:
    """Return the change in each class's recall from the base model; None without a base model."""
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
        for one in class_changes(evidence, alpha)
    ]
    columns = [
        Column("class", "class", is_words=True),
        Column("images", "images"),
        Column(f"{base} %", "base_recall_percent", "{:.2f}"),
        *_change_columns("deeper", deeper),
        *_change_columns("wider", wider),
        Column("significantly helped by", "helped_by", is_words=True),
    ]
    notes = (
        "recall: the share of a class's test images classified correctly; changes from the base model in percentage "
        f"points, paired by seed, with their 95 % interval; significant: at {level_text(alpha)}, corrected "
        "over classes and both models (Holm)",
    )
    title = f"{evidence.title}: change in each class's recall by depth and width"
    return Table(f"{evidence.file_name}-classes", title, non_empty(columns, rows), tuple(rows), notes)


def _change_values(name: str, change: Difference | None, p_holm: float | None) -> dict[str, Any]:
    return interval_values(f"{name}_points", None if change is None else change.interval) | {f"{name}_p_holm": p_holm}


def _change_columns(name: str, model: str | None) -> list[Column]:
    if model is None:
        return []
    points = signed_column(f"{model}: Δ pp", f"{name}_points")
    return [points, Column("95 % interval", f"{name}_points_low", ends_cell(f"{name}_points"))]
