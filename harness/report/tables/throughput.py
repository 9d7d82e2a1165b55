"""The throughput tables: pipelines, augmentation alone, growth of cost, and equivalence.

Each kind of measurement has a table, and each measurement a row.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.tables.other_code import OTHER_CODE
from harness.report.tables.table import Column, Row, Table
from harness.report.tables.throughput_notes import distinct, disturbed_rows_note, measured_on, pipeline_note
from harness.throughput.measurements import (
    AugmentationComparison,
    Equivalence,
    PipelineComparison,
    Scaling,
    median_load_share,
    median_speed,
)
from harness.throughput.record import Recorded
from harness.training.code_version import other_code

_MIB = 2**20


@dataclass(frozen=True)
class Kind:
    """One kind of measurement, and the table of its measurements.

    Attributes:
        file_name, title, columns, droppable: as of the table.
        values: function from a measurement to its row of plain values.
        note: function from the rows to the note on them.
    """

    measurement: type
    file_name: str
    title: str
    columns: tuple[Column, ...]
    droppable: tuple[str, ...]
    values: Callable[[Any], dict[str, Any]]
    note: Callable[[Sequence[Row]], str]


def throughput_tables(recorded: Sequence[Recorded]) -> list[Table]:
    """Return a table for each measured kind on each device."""
    return tables_of(_KINDS, recorded)


def tables_of(kinds: Sequence[Kind], recorded: Sequence[Recorded]) -> list[Table]:
    """Return a table for each of the kinds on each device."""
    tables = []
    for kind in kinds:
        chosen = [one for one in recorded if isinstance(one.measurement, kind.measurement)]
        rows = [kind.values(one.measurement) | _provenance(one) for one in chosen]
        rows.sort(key=lambda row: (str(row.get("input")), row.get("macs", row.get("layers", 0))))
        for device in sorted({row["device"] for row in rows}):
            tables.append(_table(kind, [row for row in rows if row["device"] == device]))
    return tables


def _table(kind: Kind, rows: Sequence[Row]) -> Table:
    codes = {row.get(OTHER_CODE) for row in rows}
    mark_key = OTHER_CODE if len(codes) > 1 and None in codes else ""
    others = "; ".join(sorted(filter(None, codes)))
    notes = [kind.note(rows), *disturbed_rows_note(rows), *sorted({measured_on(row) for row in rows})]
    notes += [f"{'* ' * bool(mark_key)}measured with other code than the present: {others}"] if others else []
    return Table(kind.file_name, kind.title, kind.columns, tuple(rows), tuple(notes), kind.droppable, mark_key)


def _provenance(one: Recorded) -> dict[str, Any]:
    code = other_code([one.environment])
    return {
        "device": one.environment["gpu"] or one.environment["cpu"],
        "threads": None if one.environment["gpu"] else one.environment["threads"],
        "torch": one.environment.get("versions", {}).get("torch"),
        "measured_at": one.measured_at,
        **({OTHER_CODE: code} if code else {}),
    }


def _named(heading: str, key: str) -> Column:
    """Return the column of names, each with its marks."""

    def cell(row: Row) -> str:
        marks = ["compiled"] * bool(row.get("compiled")) + ["disturbed"] * bool(row.get("disturbed"))
        return f"{row[key]} ({', '.join(marks)})" if marks else str(row[key])

    return Column(heading, key, cell, is_words=True)


def _disturbed(measurement: PipelineComparison | AugmentationComparison | Scaling) -> dict[str, Any]:
    return {"disturbed": None if measurement.disturbed is None else str(measurement.disturbed)}


def _ratios(measurement: PipelineComparison | AugmentationComparison) -> dict[str, Any]:
    ratios = measurement.ratios
    return {
        "rounds": len(ratios),
        "images_per_round": measurement.images_per_round,
        "ratio": measurement.ratio,
        "least_ratio": min(ratios),
        "greatest_ratio": max(ratios),
    }


_RATIO_COLUMNS = (
    Column("ratio", "ratio", "{:.2f}"),
    Column("range", "least_ratio", lambda row: f"{row['least_ratio']:.2f}–{row['greatest_ratio']:.2f}"),
)


def _pipeline_values(m: PipelineComparison) -> dict[str, Any]:
    return {
        "model": m.model,
        "input": "×".join(map(str, m.input_shape)),
        "batch_size": m.batch_size,
        "macs": m.macs,
        "fast_images_per_second": median_speed(m.fast),
        "reference_images_per_second": median_speed(m.reference),
        **_ratios(m),
        "fast_load_share": median_load_share(m.fast),
        "reference_load_share": median_load_share(m.reference),
        "flops_per_second": m.flops_per_second,
        "peak_flops_per_second": m.peak_flops_per_second,
        "peak_share": m.peak_share,
        "is_peak_disturbed": m.is_peak_disturbed,
        "precision": m.precision,
        "compiled": m.compiled,
        "compile_seconds": m.compile_seconds,
        **_disturbed(m),
    }


def _augmentation_values(m: AugmentationComparison) -> dict[str, Any]:
    return {
        "recipe": m.recipe,
        "input": f"{m.channels}×{m.image_size}×{m.image_size}",
        "source_size": m.source_size,
        "batched_images_per_second": statistics.median(m.batched),
        "per_sample_images_per_second": statistics.median(m.per_sample),
        **_ratios(m),
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
        "throughput: the fast pipeline beside the reference",
        (
            _named("model", "model"),
            Column("input", "input", is_words=True),
            Column("fast", "fast_images_per_second", "{:.4g}"),
            Column("ref.", "reference_images_per_second", "{:.4g}"),
            *_RATIO_COLUMNS,
            Column("load", "fast_load_share", "{:.1%}"),
            Column("ref. load", "reference_load_share", "{:.1%}"),
            Column("GFLOP/s", "flops_per_second", lambda row: f"{row['flops_per_second'] / 1e9:,.0f}"),
            Column("peak", "peak_share", "{:.0%}"),
        ),
        ("ref. load", "load", "GFLOP/s"),
        _pipeline_values,
        pipeline_note,
    ),
    Kind(
        AugmentationComparison,
        "throughput-augmentation",
        "augmentation alone: by the batch beside torchvision's image by image",
        (
            _named("recipe", "recipe"),
            Column("output", "input", is_words=True),
            Column("batched", "batched_images_per_second", "{:,.0f}"),
            Column("one by one", "per_sample_images_per_second", "{:,.0f}"),
            *_RATIO_COLUMNS,
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
            _named("axis", "axis"),
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
