"""The table of calibration: how far each model's probabilities are from its accuracy."""

from collections.abc import Sequence

from harness.analysis.calibration_error import BINS, ModelCalibration
from harness.analysis.evidence import Evidence
from harness.report.tables.columns import OVER_SEEDS, interval_values, mean_cell, model_column
from harness.report.tables.table import Column, Table


def calibration_table(evidence: Evidence, found: Sequence[ModelCalibration]) -> Table | None:
    """Return a row per model; None without a model whose logits are stored."""
    rows = [
        {
            "model": one.model,
            "seeds": one.brier.n,
            **interval_values("ece_percent", one.ece_percent),
            "chance_percent": one.chance_percent.mean,
            **interval_values("overconfidence_points", one.overconfidence_points),
            **interval_values("brier", one.brier),
        }
        for one in found
    ]
    columns = (
        model_column(),
        Column("n", "seeds"),
        Column("ECE %", "ece_percent", mean_cell("ece_percent")),
        Column("by chance %", "chance_percent", "{:.2f}"),
        Column("overconfident by pp", "overconfidence_points", mean_cell("overconfidence_points", is_signed=True)),
        Column("Brier score", "brier", mean_cell("brier", is_percent=False)),
    )
    notes = (
        f"ECE, expected calibration error: mean difference between confidence and accuracy in {BINS} bins of equal "
        "width of the confidence, weighted by images; by chance: the ECE that a perfectly calibrated network with "
        "these confidences has in the mean, from the number of images alone",
        "overconfident by: mean confidence less accuracy; Brier score: mean squared distance of the probabilities from "
        f"the truth, 0 to 2, lower is better; {OVER_SEEDS}",
    )
    title = f"{evidence.title}: calibration"
    return Table(f"{evidence.file_name}-predictions-calibration", title, columns, tuple(rows), notes) if rows else None
