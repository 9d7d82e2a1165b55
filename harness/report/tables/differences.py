"""The table of differences in accuracy: every model beside every other one, tested."""

from harness.analysis.comparison import Comparisons, image_note
from harness.analysis.evidence import Evidence
from harness.analysis.wording import image_note_text, level_text
from harness.report.tables.columns import (
    DIFFERENCE,
    P_HOLM,
    SEED_COUNT,
    difference_values,
    model_column,
    non_empty,
    p_cell,
    yes_or_no,
)
from harness.report.tables.table import Column, Table


def differences_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Return every comparison with its test."""
    rows = [
        difference_values(one) | {"note": image_note_text(note) if note is not None else None}
        for one, note in ((one, image_note(evidence, one.model, one.other)) for one in comparisons.all)
    ]
    columns = [
        model_column(),
        model_column("minus", "other"),
        SEED_COUNT,
        *DIFFERENCE,
        Column("family", "family", is_words=True),
        Column("p alone", "p_value", p_cell("p_value")),
        P_HOLM,
        Column("significant", "is_significant", yes_or_no("is_significant"), is_words=True),
        Column("on the test images", "note", is_words=True),
    ]
    title = f"{evidence.title}: differences in accuracy, in percentage points"
    notes = (
        "least squares of accuracy on model and seed. Family counterparts, the primary test: a wider and a deeper "
        "model at an equal scale factor; exploratory: every other pair. Within each family p is corrected by Holm's "
        f"method and intervals are simultaneous; significant: at {level_text(comparisons.alpha)}",
        *(["on the test images: a note on one run each, never a verdict"] if any(row["note"] for row in rows) else []),
    )
    return Table(f"{evidence.file_name}-differences", title, non_empty(columns, rows), tuple(rows), notes)
