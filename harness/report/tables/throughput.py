"""The throughput tables: pipelines, augmentation alone, growth of cost, and equivalence.

Each kind of measurement has a table, and each measurement a row.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.tables.other_code import OTHER_CODE
from harness.report.tables.table import Column, Row, Table
from harness.report.tables.throughput_notes import (
    distinct,
    disturbed_rows_note,
    measured_on,
    pipeline_note,
    switched_off_note,
)
from harness.report.tables.throughput_pipelines import (
    DROPPABLE_HEADINGS,
    OPTIONAL_KEYS,
    PIPELINE_COLUMNS,
    named,
    pipeline_values,
    ratio_columns,
    ratio_values,
)
from harness.throughput.measurements import AugmentationComparison, Equivalence, Scaling
from harness.throughput.pipelines import PipelineComparison
from harness.throughput.record import Recorded
from harness.training.code_version import other_code

_MIB = 2**20
_PRECISIONS = {"fp32": 0, "tf32": 1, "bf16": 2}


@dataclass(frozen=True)
class Kind:
    """One kind of measurement, and the table of its measurements.

    Attributes:
        file_name, title, columns, droppable: as of the table.
        values: function from a measurement to its row of plain values.
        note: function from the rows to the note on them.
        optional: keys of the columns that are left out if no row has a value.
    """

    measurement: type
    file_name: str
    title: str
    columns: tuple[Column, ...]
    droppable: tuple[str, ...]
    values: Callable[[Any], dict[str, Any]]
    note: Callable[[Sequence[Row]], str]
    optional: tuple[str, ...] = ()


def throughput_tables(recorded: Sequence[Recorded]) -> list[Table]:
    """Return a table for each measured kind on each device."""
    return tables_of(_KINDS, recorded)


def tables_of(kinds: Sequence[Kind], recorded: Sequence[Recorded]) -> list[Table]:
    """Return a table for each of the kinds on each device."""
    tables = []
    for kind in kinds:
        chosen = [one for one in recorded if isinstance(one.measurement, kind.measurement)]
        rows = [kind.values(one.measurement) | _provenance(one) for one in chosen]
        rows.sort(key=_place)
        for device in sorted({row["device"] for row in rows}):
            tables.append(_table(kind, [row for row in rows if row["device"] == device]))
    return tables


def _place(row: Row) -> tuple[str, int, int]:
    """Return the sorting key of a row: by its input, then by the network's size, then by precision."""
    size = row.get("macs", row.get("layers", 0))
    return str(row.get("input")), size, _PRECISIONS.get(str(row.get("precision")), 0)


def _table(kind: Kind, rows: Sequence[Row]) -> Table:
    codes = {row.get(OTHER_CODE) for row in rows}
    mark_key = OTHER_CODE if len(codes) > 1 and None in codes else ""
    others = "; ".join(sorted(filter(None, codes)))
    notes = [
        kind.note(rows),
        *disturbed_rows_note(rows),
        *switched_off_note(rows),
        *sorted({measured_on(row) for row in rows}),
    ]
    notes += [f"{'* ' * bool(mark_key)}measured with other code than the present: {others}"] if others else []
    columns = [
        column
        for column in kind.columns
        if column.key not in kind.optional or any(row[column.key] is not None for row in rows)
    ]
    return Table(kind.file_name, kind.title, tuple(columns), tuple(rows), tuple(notes), kind.droppable, mark_key)


def _provenance(one: Recorded) -> dict[str, Any]:
    code = other_code([one.environment])
    return {
        "device": one.environment["gpu"] or one.environment["cpu"],
        "threads": None if one.environment["gpu"] else one.environment["threads"],
        "torch": one.environment.get("versions", {}).get("torch"),
        "measured_at": one.measured_at,
        **({OTHER_CODE: code} if code else {}),
    }


def _disturbed(measurement: AugmentationComparison | Scaling) -> dict[str, Any]:
    return {"disturbed": None if measurement.disturbed is None else str(measurement.disturbed)}


def _augmentation_values(m: AugmentationComparison) -> dict[str, Any]:
    return {
        "recipe": m.recipe,
        "input": f"{m.channels}×{m.image_size}×{m.image_size}",
        "source_size": m.source_size,
        "batched_images_per_second": statistics.median(m.batched),
        "per_sample_images_per_second": statistics.median(m.per_sample),
        "rounds": len(m.ratios),
        "images_per_round": m.images_per_round,
        **ratio_values("ratio", m.ratios),
        **_disturbed(m),
    }


def _scaling_values(m: Scaling) -> dict[str, Any]:
    time, memory = m.time_growth, m.memory_growth
    return {
        "axis": m.axis,
        "x": tuple(point.x for point in m.points),
        "images": m.images,
        "epoch_seconds": tuple(point.epoch_seconds for point in m.points),
        "peak_bytes": tuple(point.peak_bytes for point in m.points),
        "time_exponent": time.exponent,
        "time_r_squared": time.r_squared,
        "memory_exponent": memory.exponent,
        "memory_r_squared": memory.r_squared,
        "precision": m.precision,
        **_disturbed(m),
    }


def _series(heading: str, key: str, form: Callable[[float], str], *, is_words: bool = False) -> Column:
    """Return a column of series."""
    return Column(heading, key, lambda row: " ".join(map(form, row[key])), is_words)


def _power_law(heading: str, name: str) -> Column:
    """Return a column of fitted power laws, each with its R²."""
    return Column(
        heading, f"{name}_exponent", lambda row: f"x^{row[f'{name}_exponent']:.2f} ({row[f'{name}_r_squared']:.3f})"
    )


def _equivalence_values(m: Equivalence) -> dict[str, Any]:
    interval = m.interval
    return {
        "dataset": m.dataset,
        "model": m.model,
        "train_images": m.train_images,
        "test_images": m.test_images,
        "epochs": m.epochs,
        "seeds": len(m.seeds),
        "fast_accuracy_percent": sum(m.fast_accuracy_percent) / len(m.seeds),
        "reference_accuracy_percent": sum(m.reference_accuracy_percent) / len(m.seeds),
        "difference_points": interval.mean,
        "low_points": interval.low,
        "high_points": interval.high,
        "precision": m.precision,
    }


_KINDS = (
    Kind(
        PipelineComparison,
        "throughput",
        "throughput: the fast pipeline beside a plain loop and the reference",
        PIPELINE_COLUMNS,
        DROPPABLE_HEADINGS,
        pipeline_values,
        pipeline_note,
        OPTIONAL_KEYS,
    ),
    Kind(
        AugmentationComparison,
        "throughput-augmentation",
        "augmentation alone: by the batch beside torchvision's image by image",
        (
            named("recipe", "recipe"),
            Column("output", "input", is_words=True),
            Column("batched", "batched_images_per_second", "{:,.0f}"),
            Column("one by one", "per_sample_images_per_second", "{:,.0f}"),
            *ratio_columns("ratio", "ratio"),
        ),
        (),
        _augmentation_values,
        lambda rows: f"images/s on one CPU thread: medians of {distinct(rows, 'rounds')} rounds of each in turn",
    ),
    Kind(
        Scaling,
        "throughput-scaling",
        "scale: how time and memory grow",
        (
            named("axis", "axis"),
            _series("x", "x", str, is_words=True),
            _series("seconds", "epoch_seconds", "{:.3g}".format),
            _power_law("time as (R²)", "time"),
            _series("MiB", "peak_bytes", lambda value: f"{value / _MIB:.0f}"),
            _power_law("memory as (R²)", "memory"),
        ),
        ("MiB", "seconds"),
        _scaling_values,
        lambda rows: (
            f"ResNet-20 on {distinct(rows, 'images')} images of 3×32×32 in batches of 128, except along the axis; "
            "seconds: the fastest of three epochs; MiB: peak memory above that of the bare process; x^b: fitted on "
            "logarithms"
        ),
    ),
    Kind(
        Equivalence,
        "equivalence",
        "equivalence: final accuracy by both pipelines, paired by seed",
        (
            Column("dataset", "dataset", is_words=True),
            Column("model", "model", is_words=True),
            Column("images", "train_images", "{:,}"),
            Column("epochs", "epochs"),
            Column("seeds", "seeds"),
            Column("fast %", "fast_accuracy_percent", "{:.2f}"),
            Column("ref. %", "reference_accuracy_percent", "{:.2f}"),
            Column("difference", "difference_points", "{:+.2f}"),
            Column("95 % interval", "low_points", lambda row: f"{row['low_points']:+.2f} to {row['high_points']:+.2f}"),
        ),
        ("images", "epochs"),
        _equivalence_values,
        lambda _: "means over seeds; difference: fast minus reference in percentage points, with its paired t interval",
    ),
)
