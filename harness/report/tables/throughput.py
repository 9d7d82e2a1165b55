"""The throughput tables: both pipelines beside each other, augmentation alone, how cost grows, whether outcomes agree.

Every kind of measurement has a table: rows of plain numbers for its CSV, made of the measurements, and cells for
people, made of the numbers.
"""

import statistics
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.report.markup import latex, markdown
from harness.report.tables.table import write_texts
from harness.text import fitting_table, several
from harness.throughput.measurements import (
    AugmentationComparison,
    Equivalence,
    PipelineComparison,
    Scaling,
    median_load_share,
    median_speed,
)
from harness.throughput.record import Recorded

_MIB = 2**20
_WORDS = 2  # columns that are words in every table, and stand to the left
Values = dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    """How the measurements of one kind become a table.

    Attributes:
        file_name: of its CSV.
        spared: columns that a narrow terminal is spared, the first of them first.
        values: a measurement's rows of plain numbers. cells: what a person reads, one line for a measurement's rows.
        notes: what a reader has to know of the rows.
    """

    measurement: type
    file_name: str
    title: str
    headings: tuple[str, ...]
    spared: tuple[str, ...]
    values: Callable[[Any], list[Values]]
    cells: Callable[[list[Values]], tuple[str, ...]]
    notes: Callable[[list[Values]], str]


@dataclass(frozen=True)
class ThroughputTable:
    """Measurements of one kind: ``cells`` as a person reads them under ``headings``, ``frame`` as plain numbers."""

    file_name: str
    title: str
    headings: tuple[str, ...]
    spared: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    frame: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def left(self) -> list[bool]:
        """Whether each column stands to the left."""
        return [place < _WORDS for place in range(len(self.headings))]


def throughput_tables(recorded: Sequence[Recorded]) -> list[ThroughputTable]:
    """A table for each kind of measurement that there is, on each device."""
    tables = []
    for kind in _KINDS:
        chosen = [one for one in recorded if isinstance(one.measurement, kind.measurement)]
        measured = [[row | _provenance(one) for row in kind.values(one.measurement)] for one in chosen]
        measured.sort(key=lambda rows: [str(rows[0].get("input")), rows[0].get("macs", 0)])
        for device in sorted({rows[0]["device"] for rows in measured}):
            tables.append(_table(kind, [rows for rows in measured if rows[0]["device"] == device]))
    return tables


def _table(kind: _Kind, measured: list[list[Values]]) -> ThroughputTable:
    rows = [row for rows in measured for row in rows]
    notes = (kind.notes(rows), *sorted({_place(row) for row in rows}))
    cells, frame = tuple(map(kind.cells, measured)), pd.DataFrame(rows)
    return ThroughputTable(kind.file_name, kind.title, kind.headings, kind.spared, cells, frame, notes)


def _provenance(one: Recorded) -> Values:
    return {
        "device": one.environment["gpu"] or one.environment["cpu"],
        "threads": None if one.environment["gpu"] else one.environment["threads"],
        "torch": one.environment.get("versions", {}).get("torch"),
        "measured_at": one.measured_at,
    }


def _place(row: Values) -> str:
    threads = "" if row["threads"] is None else f", {several(row['threads'], 'thread')}"
    return f"measured on {row['device']}{threads}, torch {row['torch']}, {row['measured_at'][:10]}"


def _ratios(measurement: Any) -> Values:
    ratios = measurement.ratios
    return {
        "rounds": len(ratios),
        "images_per_round": measurement.images_per_round,
        "ratio": measurement.ratio,
        "least_ratio": min(ratios),
        "greatest_ratio": max(ratios),
    }


def _range(row: Values) -> str:
    return f"{row['least_ratio']:.2f}–{row['greatest_ratio']:.2f}"


def _each(rows: list[Values], name: str, form: str = "{:,.0f}") -> str:
    """The different values that rows have of a field, as ``3 or 5``."""
    return " or ".join(form.format(value) for value in sorted({row[name] for row in rows}))


def _pipeline_values(m: PipelineComparison) -> list[Values]:
    return [
        {
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
            "peak_share": m.flops_per_second / m.peak_flops_per_second,
            "precision": m.precision,
            "compiled": m.compiled,
            "compile_seconds": m.compile_seconds,
        }
    ]


def _pipeline_cells(rows: list[Values]) -> tuple[str, ...]:
    (row,) = rows
    return (
        row["model"] + (" (compiled)" if row["compiled"] else ""),
        row["input"],
        f"{row['fast_images_per_second']:.4g}",
        f"{row['reference_images_per_second']:.4g}",
        f"{row['ratio']:.2f}",
        _range(row),
        f"{row['fast_load_share']:.1%}",
        f"{row['reference_load_share']:.1%}",
        f"{row['flops_per_second'] / 1e9:,.0f}",
        f"{row['peak_share']:.0%}",
    )


def _pipeline_notes(rows: list[Values]) -> str:
    peaks = [row["peak_flops_per_second"] for row in rows]
    compiled = [f"{row['model']} {row['compile_seconds']:.0f} s" for row in rows if row["compiled"]]
    return (
        f"images/s of training, evaluation apart, fast at {_each(rows, 'precision', '{}')}, ref. at fp32: medians of "
        f"{_each(rows, 'rounds')} rounds of each pipeline in turn; ratio: their median round by round, and its range; "
        "load, ref. load: share of the time spent waiting for images (a reference's loader has those of few batches "
        "ready); GFLOP/s: "
        f"3 × 2 × MACs, fast; peak: their share of this machine's fastest convolution, measured to "
        f"{'–'.join(f'{peak / 1e9:,.0f}' for peak in sorted({min(peaks), max(peaks)}))} GFLOP/s"
        + (f"; compiling, in no round: {', '.join(compiled)}" if compiled else "")
    )


def _augmentation_values(m: AugmentationComparison) -> list[Values]:
    return [
        {
            "recipe": m.recipe,
            "input": f"{m.channels}×{m.image_size}×{m.image_size}",
            "source_size": m.source_size,
            "batched_images_per_second": statistics.median(m.batched),
            "per_sample_images_per_second": statistics.median(m.per_sample),
            **_ratios(m),
        }
    ]


def _augmentation_cells(rows: list[Values]) -> tuple[str, ...]:
    (row,) = rows
    speeds = (f"{row[name]:,.0f}" for name in ("batched_images_per_second", "per_sample_images_per_second"))
    return (row["recipe"], row["input"], *speeds, f"{row['ratio']:.2f}", _range(row))


def _scaling_values(m: Scaling) -> list[Values]:
    time, memory = m.time_growth, m.memory_growth
    return [
        {
            "axis": m.axis,
            "x": point.x,
            "images": m.images,
            "epoch_seconds": point.epoch_seconds,
            "peak_bytes": point.peak_bytes,
            "time_exponent": time.exponent,
            "time_r_squared": time.r_squared,
            "memory_exponent": memory.exponent,
            "memory_r_squared": memory.r_squared,
            "precision": m.precision,
        }
        for point in m.points
    ]


def _scaling_cells(rows: list[Values]) -> tuple[str, ...]:
    first = rows[0]
    return (
        first["axis"],
        " ".join(str(row["x"]) for row in rows),
        " ".join(f"{row['epoch_seconds']:.3g}" for row in rows),
        f"x^{first['time_exponent']:.2f} ({first['time_r_squared']:.3f})",
        " ".join(f"{row['peak_bytes'] / _MIB:.0f}" for row in rows),
        f"x^{first['memory_exponent']:.2f} ({first['memory_r_squared']:.3f})",
    )


def _equivalence_values(m: Equivalence) -> list[Values]:
    interval = m.interval
    return [
        {
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
    ]


def _equivalence_cells(rows: list[Values]) -> tuple[str, ...]:
    (row,) = rows
    no_interval = row["low_points"] is None
    return (
        row["dataset"],
        row["model"],
        f"{row['train_images']:,}",
        str(row["epochs"]),
        str(row["seeds"]),
        f"{row['fast_accuracy_percent']:.2f}",
        f"{row['reference_accuracy_percent']:.2f}",
        f"{row['difference_points']:+.2f}",
        "" if no_interval else f"{row['low_points']:+.2f} to {row['high_points']:+.2f}",
    )


_KINDS = (
    _Kind(
        PipelineComparison,
        "throughput",
        "throughput: the fast pipeline beside the reference",
        ("model", "input", "fast", "ref.", "ratio", "range", "load", "ref. load", "GFLOP/s", "peak"),
        ("ref. load", "load"),
        _pipeline_values,
        _pipeline_cells,
        _pipeline_notes,
    ),
    _Kind(
        AugmentationComparison,
        "throughput-augmentation",
        "augmentation alone: by the batch beside torchvision's image by image",
        ("recipe", "output", "batched", "one by one", "ratio", "range"),
        (),
        _augmentation_values,
        _augmentation_cells,
        lambda rows: f"images/s on one thread of the CPU: medians of {_each(rows, 'rounds')} rounds each way in turn",
    ),
    _Kind(
        Scaling,
        "throughput-scaling",
        "scale: how time and memory grow",
        ("axis", "x", "seconds", "time as (R²)", "MiB", "memory as (R²)"),
        ("MiB", "seconds"),
        _scaling_values,
        _scaling_cells,
        lambda rows: (
            f"ResNet-20 on {_each(rows, 'images')} images of 3×32×32 in batches of 128, but for the axis; seconds: the "
            "quickest of three epochs; MiB at the peak beyond the bare process; x^b fitted on logarithms"
        ),
    ),
    _Kind(
        Equivalence,
        "equivalence",
        "equivalence: final accuracy by both pipelines, paired by seed",
        ("dataset", "model", "images", "epochs", "seeds", "fast %", "ref. %", "difference", "95 % interval"),
        ("images", "epochs"),
        _equivalence_values,
        _equivalence_cells,
        lambda _: "means over seeds; difference: fast less reference in percentage points, with its paired t interval",
    ),
)


def terminal_text(table: ThroughputTable, columns: int) -> str:
    """The table for a terminal of that many columns: it is spared what does not fit, notes are folded."""
    body = fitting_table(table.headings, table.cells, columns, table.spared, left=_WORDS)
    notes = (textwrap.fill(note, columns, initial_indent="  ", subsequent_indent="    ") for note in table.notes)
    return "\n".join([table.title, body, *notes])


def write_tables(tables: Sequence[ThroughputTable], report_dir: Path) -> list[Path]:
    """Those of each kind as CSV (plain numbers), Markdown and LaTeX, under ``report_dir/tables``: the files written."""
    written = []
    for name in dict.fromkeys(table.file_name for table in tables):
        alike = [table for table in tables if table.file_name == name]
        texts = {
            ".csv": pd.concat([table.frame for table in alike]).to_csv(index=False),
            ".md": "\n".join(map(markdown, alike)),
            ".tex": latex(alike),
        }
        written += write_texts(texts, report_dir / "tables" / name)
    return written
