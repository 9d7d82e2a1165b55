"""The tables of each axis: the true marginal gain, and the practical threshold."""

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.evidence import Evidence, Measure
from harness.analysis.true_gain import Threshold, thresholds, true_gains
from harness.report.tables.columns import (
    DIFFERENCE,
    P_HOLM,
    SEED_COUNT,
    difference_values,
    interval_values,
    mean_cell,
    model_column,
    non_empty,
    times_notes,
)
from harness.report.tables.table import Column, Table

# By cost: heading, CSV column, and the amount of the cost that the gain is per.
_GAIN_UNITS: dict[Measure, tuple[str, str, float]] = {
    "total_seconds": ("pp per minute", "points_per_minute", 60.0),
    "params": ("pp per M parameters", "points_per_million_params", 1e6),
    "macs": ("pp per 100 MMACs", "points_per_100_million_macs", 1e8),
}


def true_gain_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Return Δaccuracy over Δcost along each axis from the base model."""
    rows = []
    for one in true_gains(evidence, comparisons):
        row = {"axis": one.axis, **difference_values(one.accuracy)}
        for cost, (_, name, unit) in _GAIN_UNITS.items():
            gain = one.per_cost[cost]
            row |= interval_values(name, None if gain is None else gain.scaled(unit))
        rows.append(row)
    columns = [
        Column("axis", "axis", is_words=True),
        model_column(),
        model_column("over", "other"),
        SEED_COUNT,
        *DIFFERENCE[:2],
        *(
            Column(heading, name, mean_cell(name, is_percent=False, is_signed=True))
            for heading, name, _ in _GAIN_UNITS.values()
        ),
    ]
    notes = (
        "Δaccuracy over Δcost from the base model, by seed, ± half of its 95 % interval; time: of the whole training",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: true marginal gain along each axis"
    return Table(f"{evidence.file_name}-true-gain", title, non_empty(columns, rows), tuple(rows), notes)


def threshold_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Return each step along each axis, and the first one that does not pay."""
    rows = [
        {
            "axis": axis.axis,
            **difference_values(step),
            "is_threshold": step.model == axis.at,
            "verdict": _verdict(axis, step),
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
        "the practical threshold of an axis (beyond it a network is overwidened or overdeepened): its first step with "
        "a negative gain or without a significant one (α = 0.05). With few seeds the threshold depends as much on the "
        "seeds as on the network",
        "p: corrected by Holm's method over all pairs of models",
    )
    title = f"{evidence.title}: practical threshold of each axis"
    return Table(f"{evidence.file_name}-thresholds", title, non_empty(columns, rows), tuple(rows), notes)


def _verdict(axis: Threshold, step: Comparison) -> str:
    """Return the verdict on a step, in words that the CSV column keeps."""
    if step.is_better:
        return "pays"
    fall = f"falls beyond chance: {axis.word}" if step.is_distinguishable else "no gain that can be told from zero"
    return f"{fall}; the threshold" if step.model == axis.at else fall
