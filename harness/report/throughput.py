"""The throughput tables: both pipelines beside each other, augmentation alone, and how cost grows."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from harness.results import write_text_atomically
from harness.text import table as text_table
from harness.throughput.augmentation import AugmentationComparison
from harness.throughput.comparison import PipelineComparison, median_load_share, median_speed
from harness.throughput.record import Recorded
from harness.throughput.scaling import Scaling

_MIB = 2**20


@dataclass(frozen=True)
class ThroughputTable:
    """Measurements of one kind, a row each.

    Attributes:
        name: its CSV file's name.
        headings, cells: as a person reads them. frame: plain numbers.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    frame: pd.DataFrame
    notes: tuple[str, ...]


def throughput_tables(recorded: Iterable[Recorded]) -> list[ThroughputTable]:
    """A table for each kind of measurement that there is."""
    recorded = list(recorded)
    makers: tuple[tuple[type, Callable[[list[Recorded]], ThroughputTable]], ...] = (
        (PipelineComparison, _pipelines),
        (AugmentationComparison, _augmentation),
        (Scaling, _scaling),
    )
    chosen = ((make, [one for one in recorded if isinstance(one.measurement, kind)]) for kind, make in makers)
    return [make(rows) for make, rows in chosen if rows]


def _spread(ratios: Sequence[float]) -> str:
    return f"{min(ratios):.2f}–{max(ratios):.2f}"


def _pipelines(rows: list[Recorded]) -> ThroughputTable:
    measured: list[tuple[Recorded, Any]] = sorted(
        ((one, one.measurement) for one in rows), key=lambda pair: (pair[1].input_shape, pair[1].macs)
    )
    cells, frame = [], []
    for one, m in measured:
        share = m.flops_per_second / m.peak_flops_per_second
        cells.append(
            (
                m.model,
                "×".join(map(str, m.input_shape)),
                str(m.batch_size),
                f"{median_speed(m.fast):.4g}",
                f"{median_speed(m.reference):.4g}",
                f"{m.ratio:.2f}",
                _spread(m.ratios),
                f"{median_load_share(m.fast):.1%}",
                f"{median_load_share(m.reference):.1%}",
                f"{m.flops_per_second / 1e9:,.0f}",
                f"{share:.0%}",
                f"{m.compile_seconds:.0f}s" if m.compiled else "",
            )
        )
        frame.append(
            {
                "model": m.model,
                "input": "x".join(map(str, m.input_shape)),
                "batch_size": m.batch_size,
                "rounds": len(m.ratios),
                "images_per_round": m.images_per_round,
                "fast_images_per_second": median_speed(m.fast),
                "reference_images_per_second": median_speed(m.reference),
                "ratio": m.ratio,
                "least_ratio": min(m.ratios),
                "greatest_ratio": max(m.ratios),
                "fast_load_share": median_load_share(m.fast),
                "reference_load_share": median_load_share(m.reference),
                "flops_per_second": m.flops_per_second,
                "peak_flops_per_second": m.peak_flops_per_second,
                "peak_share": share,
                "precision": m.precision,
                "compiled": m.compiled,
                "compile_seconds": m.compile_seconds,
                **_provenance(one),
            }
        )
    rounds = sorted({len(m.ratios) for _, m in measured})
    peaks = sorted({round(m.peak_flops_per_second / 1e9, -1) for _, m in measured})
    notes = (
        f"images/s, training alone; medians of {_numbers(rounds)} rounds of each pipeline in turn, ratio by pairs of "
        "rounds with its range; load: share of the time",
        f"GFLOP/s: 3 × 2 × MACs; peak: of this machine's fastest convolution, {_numbers(peaks)} GFLOP/s as measured",
        *_places(rows),
    )
    headings = (
        "model", "input", "batch", "fast", "reference", "ratio", "range", "load", "ref. load", "GFLOP/s", "peak",
        "compiling",
    )  # fmt: skip
    return ThroughputTable(
        "throughput", "throughput: the fast pipeline beside the reference", headings, tuple(cells),
        pd.DataFrame(frame), notes,
    )  # fmt: skip


def _augmentation(rows: list[Recorded]) -> ThroughputTable:
    cells, frame = [], []
    for one in rows:
        m: Any = one.measurement
        batched, single = _median(m.batched), _median(m.per_sample)
        recipe = f"{m.recipe} {m.channels}×{m.image_size}×{m.image_size}"
        cells.append((recipe, f"{batched:,.0f}", f"{single:,.0f}", f"{m.ratio:.1f}", _spread(m.ratios)))
        frame.append(
            {
                "recipe": m.recipe,
                "channels": m.channels,
                "source_size": m.source_size,
                "image_size": m.image_size,
                "rounds": len(m.ratios),
                "images_per_round": m.images_per_round,
                "batched_images_per_second": batched,
                "per_sample_images_per_second": single,
                "ratio": m.ratio,
                "least_ratio": min(m.ratios),
                "greatest_ratio": max(m.ratios),
                **_provenance(one),
            }
        )
    rounds = sorted({values["rounds"] for values in frame})
    notes = (
        f"images/s on one thread of the CPU; medians of {_numbers(rounds)} rounds each way in turn",
        *_places(rows),
    )
    return ThroughputTable(
        "throughput-augmentation", "augmentation alone: by the batch beside torchvision's image by image",
        ("recipe", "batched", "per image", "ratio", "range"), tuple(cells), pd.DataFrame(frame), notes,
    )  # fmt: skip


def _scaling(rows: list[Recorded]) -> ThroughputTable:
    cells, frame = [], []
    for one in rows:
        m: Any = one.measurement
        time, memory = m.time_growth, m.memory_growth
        cells.append(
            (
                m.axis,
                " ".join(str(point.x) for point in m.points),
                " ".join(f"{point.epoch_seconds:.3g}" for point in m.points),
                f"x^{time.exponent:.2f}",
                f"{time.r_squared:.3f}",
                " ".join(f"{point.peak_bytes / _MIB:.0f}" for point in m.points),
                f"x^{memory.exponent:.2f}",
                f"{memory.r_squared:.3f}",
            )
        )
        frame += [
            {
                "axis": m.axis,
                "x": point.x,
                "images": m.images or point.x,
                "epoch_seconds": point.epoch_seconds,
                "peak_bytes": point.peak_bytes,
                "time_exponent": time.exponent,
                "time_r_squared": time.r_squared,
                "memory_exponent": memory.exponent,
                "memory_r_squared": memory.r_squared,
                "precision": m.precision,
                **_provenance(one),
            }
            for point in m.points
        ]
    images = sorted({one.measurement.images for one in rows if isinstance(one.measurement, Scaling)} - {0})
    notes = (
        "ResNet-20 at 3×32×32 in batches of 128 but for the axis; seconds of an epoch"
        + (f" of {_numbers(images)} images" if images else "")
        + ", the quickest of three; MiB at the peak beyond the bare process; x^b fitted on logarithms with its R²",
        *_places(rows),
    )
    return ThroughputTable(
        "throughput-scaling", "scale: how time and memory grow",
        ("axis", "x", "seconds", "grow as", "R²", "MiB", "grow as", "R²"), tuple(cells), pd.DataFrame(frame), notes,
    )  # fmt: skip


def _median(values: Sequence[float]) -> float:
    return float(pd.Series(values).median())


def _numbers(values: Sequence[float]) -> str:
    return " or ".join(f"{value:,.0f}" for value in values)


def _provenance(one: Recorded) -> dict[str, Any]:
    return {
        "device": one.environment["gpu"] or one.environment["cpu"],
        "threads": one.environment["threads"],
        "torch": one.environment.get("versions", {}).get("torch"),
        "measured_at": one.measured_at,
    }


def _places(rows: list[Recorded]) -> list[str]:
    """Where and when, a line for each different one."""
    places = []
    for one in rows:
        where = _provenance(one)
        threads = "" if one.environment["gpu"] else f", {where['threads']} threads"
        places.append(f"measured on {where['device']}{threads}, torch {where['torch']}, {one.measured_at[:10]}")
    return sorted(set(places))


def terminal_text(table: ThroughputTable, columns: int) -> str:
    """The table for a terminal; notes are folded at that many columns."""
    body = text_table(table.headings, table.cells, left=2 if table.name != "throughput-augmentation" else 1)
    notes = (textwrap.fill(note, columns, initial_indent="  ", subsequent_indent="    ") for note in table.notes)
    return "\n".join([table.title, body, *notes])


def write_tables(tables: Sequence[ThroughputTable], report_dir: Path) -> list[Path]:
    """Each as CSV, all together as ``throughput.md``, under ``report_dir/tables``: the files written."""
    if not tables:
        return []
    folder = report_dir / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    parts = []
    for table in tables:
        body = tabulate(table.cells, table.headings, "pipe", disable_numparse=True)
        parts.append("\n".join([f"# {table.title}", "", body, "", *(f"- {note}" for note in table.notes), ""]))
        path = folder / f"{table.name}.csv"
        write_text_atomically(path, table.frame.to_csv(index=False))
        written.append(path)
    path = folder / "throughput.md"
    write_text_atomically(path, "\n".join(parts))
    return [*written, path]
