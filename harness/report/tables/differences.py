"""The table of differences in accuracy: every model beside every other one, tested."""

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
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
    rows = [difference_values(one) for one in comparisons.all]
    columns = [
        model_column(),
        model_column("over", "other"),
        SEED_COUNT,
        *DIFFERENCE,
        Column("test", "method", is_words=True),
        Column("p", "p_value", p_cell("p_value")),
        P_HOLM,
        Column("significant", "is_distinguishable", yes_or_no("is_distinguishable"), is_words=True),
    ]
    title = f"{evidence.title}: differences in accuracy, in percentage points"
    notes = (
        f"paired by seed; p corrected by Holm's method over all {len(rows)} comparisons of the table; significant: at "
        "α = 0.05",
        "with one seed: McNemar's exact test on the test images, which does not cover the spread between seeds",
    )
    return Table(f"{evidence.file_name}-differences", title, non_empty(columns, rows), tuple(rows), notes, is_long=True)
