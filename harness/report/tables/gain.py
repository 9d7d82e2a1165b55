"""The tables of each axis: the true marginal gain, and the practical threshold."""

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import TIMES_OF_USE, Evidence, Measure
from harness.analysis.thresholds import AxisStep, Threshold, thresholds
from harness.analysis.true_gain import true_gains
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
    "latency_seconds": ("pp per ms of latency", "points_per_latency_millisecond", 1e-3),
    "image_seconds": ("pp per ms an image", "points_per_image_millisecond", 1e-3),
}


def true_gain_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Return Δaccuracy over Δcost along each axis from the base model."""
    units = {cost: unit for cost, unit in _GAIN_UNITS.items() if cost not in TIMES_OF_USE or evidence.has_use_times}
    rows = []
    for one in true_gains(comparisons):
        row = {"axis": one.axis, **difference_values(one.accuracy)}
        for cost, (_, name, unit) in units.items():
            gain = one.per_cost[cost]
            row |= interval_values(name, None if gain is None else gain.scaled(unit))
        rows.append(row)
    columns = [
        Column("axis", "axis", is_words=True),
        model_column(),
        model_column("minus", "other"),
        SEED_COUNT,
        *DIFFERENCE[:2],
        *(
            Column(heading, name, mean_cell(name, is_percent=False, is_signed=True))
            for heading, name, _ in units.values()
        ),
    ]
    notes = (
        "Δ pp: with the simultaneous interval of its family in the table of differences; gains: Δaccuracy over Δcost "
        "from the base model, by seed, ± half of their 95 % interval; time: of the whole training",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: true marginal gain along each axis"
    return Table(f"{evidence.file_name}-true-gain", title, non_empty(columns, rows), tuple(rows), notes)


def threshold_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Return each step along each axis, and the first one that does not pay."""
    rows = [
        {
            "axis": axis.axis,
            **difference_values(one.step),
            "better": ", ".join(one.better) or None,
            "is_threshold": one.model == axis.at,
            "verdict": _verdict(axis, one),
        }
        for axis in thresholds(comparisons)
        for one in axis.steps
    ]
    columns = [
        Column("axis", "axis", is_words=True),
        model_column("model", "other"),
        model_column("next model", "model"),
        SEED_COUNT,
        *DIFFERENCE,
        P_HOLM,
        Column("beyond the model", "verdict", is_words=True),
    ]
    notes = (
        "an axis pays beyond a model if any later model of the axis is significantly above it; its practical threshold "
        "is the first model beyond which none is. With few seeds it depends as much on the seeds as on the network. "
        "Steps are exploratory: p and intervals are those of the table of differences",
    )
    title = f"{evidence.title}: practical threshold of each axis"
    return Table(f"{evidence.file_name}-thresholds", title, non_empty(columns, rows), tuple(rows), notes)


def _verdict(axis: Threshold, one: AxisStep) -> str:
    """Return whether the axis pays beyond the step's first model, and if the step itself is a loss."""
    if axis.at is None:
        return "not tested"
    if one.better:
        return f"pays: {', '.join(one.better)} above {one.model}"
    loss = f"a loss: {axis.word}" if one.step.is_significant else "not shown to pay"
    return f"{loss}; the threshold" if one.model == axis.at else loss
