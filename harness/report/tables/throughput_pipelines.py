"""The table of the pipelines: its columns and the values of a row."""

import statistics
from collections.abc import Sequence
from typing import Any

from harness.report.tables.table import Column, Row
from harness.throughput.pipelines import PipelineComparison, Round, median_load_share, median_speed


def named(heading: str, key: str) -> Column:
    """Return the column of names, each with its marks."""

    def cell(row: Row) -> str:
        marks = [one for one in ("compiled", "disturbed") if row.get(one)]
        marks += ["switched off"] * bool(row.get("switched_off"))
        return f"{row[key]} ({', '.join(marks)})" if marks else str(row[key])

    return Column(heading, key, cell, is_words=True)


def ratio_columns(heading: str, key: str) -> tuple[Column, Column]:
    """Return the columns of a ratio's median over the rounds, and of its range."""
    least, greatest = f"least_{key}", f"greatest_{key}"
    return (
        Column(heading, key, "{:.2f}"),
        Column("range", least, lambda row: f"{row[least]:.2f}–{row[greatest]:.2f}", is_foldable=True),
    )


def ratio_values(key: str, ratios: Sequence[float]) -> dict[str, float | None]:
    """Return a ratio's median, minimum and maximum over the rounds; None without rounds."""
    if not ratios:
        return {key: None, f"least_{key}": None, f"greatest_{key}": None}
    return {key: statistics.median(ratios), f"least_{key}": min(ratios), f"greatest_{key}": max(ratios)}


def pipeline_values(m: PipelineComparison) -> dict[str, Any]:
    """Return the plain values of a comparison's row."""
    return {
        "model": m.model,
        "input": "×".join(map(str, m.input_shape)),
        "batch_size": m.batch_size,
        "macs": m.macs,
        "fast_images_per_second": median_speed(m.fast),
        "reference_images_per_second": median_speed(m.reference),
        "rounds": len(m.ratios),
        "images_per_round": m.images_per_round,
        **ratio_values("ratio", m.ratios),
        **_beside("plain", m, m.plain),
        **_beside("reference_default", m, m.reference_default),
        **_beside("fp32", m, m.fp32),
        "fast_load_share": median_load_share(m.fast),
        "reference_load_share": median_load_share(m.reference),
        "flops_per_second": m.flops_per_second,
        "peak_flops_per_second": m.peak_flops_per_second,
        "peak_share": m.peak_share,
        "is_peak_disturbed": m.is_peak_disturbed,
        "precision": m.precision,
        "compiled": m.compiled,
        "compile_seconds": m.compile_seconds,
        "switched_off": "; ".join(m.switched_off) or None,
        "disturbed": None if m.disturbed is None else str(m.disturbed),
    }


def _beside(name: str, m: PipelineComparison, rounds: tuple[Round, ...]) -> dict[str, float | None]:
    """Return the speed of rounds that may not have been measured, and the ratios to it."""
    speed = median_speed(rounds) if rounds else None
    return {f"{name}_images_per_second": speed, **ratio_values(f"{name}_ratio", m.ratios_to(rounds) if rounds else [])}


def _speed(heading: str, name: str) -> Column:
    return Column(heading, f"{name}_images_per_second", "{:.4g}")


PIPELINE_COLUMNS = (
    named("model", "model"),
    Column("input", "input", is_words=True),
    Column("at", "precision", is_words=True),
    _speed("fast", "fast"),
    _speed("plain", "plain"),
    _speed("ref.", "reference"),
    _speed("ref. TF32", "reference_default"),
    *ratio_columns("/plain", "plain_ratio"),
    *ratio_columns("/ref.", "ratio"),
    *ratio_columns("/ref. TF32", "reference_default_ratio"),
    *ratio_columns("/fp32", "fp32_ratio"),
    Column("load", "fast_load_share", "{:.1%}"),
    Column("ref. load", "reference_load_share", "{:.1%}"),
    Column("GFLOP/s", "flops_per_second", lambda row: f"{row['flops_per_second'] / 1e9:,.0f}"),
    Column("peak", "peak_share", "{:.0%}"),
)
OPTIONAL_KEYS = tuple(
    key
    for name in ("plain", "reference_default", "fp32")
    for key in (f"{name}_images_per_second", f"{name}_ratio", f"least_{name}_ratio")
)
DROPPABLE_HEADINGS = ("ref. load", "load", "GFLOP/s", "/ref. TF32", "/fp32", "peak", "ref. TF32", "plain", "ref.")
