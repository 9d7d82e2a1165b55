"""The notes under the throughput tables: what was measured, where, and what disturbed it."""

from collections.abc import Sequence

from harness.report.tables.table import Row
from harness.text import count_noun, listed


def pipeline_note(rows: Sequence[Row]) -> str:
    """Return the note on the columns of the pipelines' table."""
    compiled = [f"{row['model']}{_at(row)} {row['compile_seconds']:.0f} s" for row in rows if row["compiled"]]
    has_plain, has_default, has_fp32 = (_has(rows, f"{name}_ratio") for name in ("plain", "reference_default", "fp32"))
    others = [*["plain"] * has_plain, "ref.", *["ref. TF32"] * has_default]
    ratios = ", ".join(f"/{name}" for name in [*others, *["fp32"] * has_fp32])
    notes = [
        f"images/s of training without evaluation: medians of {distinct(rows, 'rounds')} rounds of each in turn",
        f"at: the precision of fast{' and plain' * has_plain}",
        *["plain: a channels_last loop on ready batches, not augmented"] * has_plain,
        f"ref.: the reference at {'IEEE ' * has_default}fp32",
        *["ref. TF32: the reference at torch's own defaults, with TF32 convolutions"] * has_default,
        f"{ratios}: speed of fast over that of {' / '.join([*others, *['itself at fp32'] * has_fp32])}: its median "
        "over the rounds, and its range",
        "load, ref. load: share of the time spent waiting for images (the reference's loader prefetches only a few "
        "batches)",
        "GFLOP/s: 3 × 2 × MACs, fast",
        *_peak_notes(rows),
    ]
    return "; ".join(notes) + (f"; compile time, in no round: {', '.join(compiled)}" if compiled else "")


def _has(rows: Sequence[Row], key: str) -> bool:
    return any(row[key] is not None for row in rows)


def _peak_notes(rows: Sequence[Row]) -> list[str]:
    """Return what the shares of the peak are, and the reasons of rows without one."""
    shared = [row for row in rows if row["peak_share"] is not None]
    peaks = listed(
        f"{_peak_range([row for row in shared if row['precision'] == precision])} at {precision}"
        for precision in dict.fromkeys(row["precision"] for row in shared)
    )
    notes = [f"peak: share of this machine's fastest convolution, measured at {peaks}"] if peaks else []
    without = [row for row in rows if row["peak_share"] is None]
    disturbed = [_label(row) for row in without if row["is_peak_disturbed"]]
    faster = [_label(row) for row in without if not row["is_peak_disturbed"]]
    notes += [f"peak unknown because its measurement was disturbed: {listed(disturbed)}"] if disturbed else []
    because = "training was faster than the measured convolutions"
    notes += [f"peak unknown because {because}: {listed(faster)}"] if faster else []
    return notes


def _peak_range(rows: Sequence[Row]) -> str:
    """Return the lowest and the highest peak of the rows, as ``480–500 GFLOP/s``."""
    peaks = [row["peak_flops_per_second"] for row in rows]
    return "–".join(f"{peak / 1e9:,.0f}" for peak in sorted({min(peaks), max(peaks)})) + " GFLOP/s"


def disturbed_rows_note(rows: Sequence[Row]) -> list[str]:
    """Return the note on the rows whose measurement remained disturbed, if there are any."""
    found = "; ".join(f"{_label(row)}, {row['disturbed']}" for row in rows if row.get("disturbed"))
    return [f"disturbed, so no test asserts anything about it: {found}"] if found else []


def switched_off_note(rows: Sequence[Row]) -> list[str]:
    """Return the note on the rows that were measured without a technique, if there are any."""
    found = "; ".join(f"{_label(row)}, {row['switched_off']}" for row in rows if row.get("switched_off"))
    return [f"switched off, as the technique failed on this device: {found}"] if found else []


def _label(row: Row) -> str:
    return " ".join(str(row[key]) for key in ("model", "recipe", "axis", "input") if key in row) + _at(row)


def _at(row: Row) -> str:
    return "" if row.get("precision", "fp32") == "fp32" else f" at {row['precision']}"


def measured_on(row: Row) -> str:
    """Return the machine, the software and the date of a row's measurement."""
    threads = "" if row["threads"] is None else f", {count_noun(row['threads'], 'thread')}"
    return f"measured on {row['device']}{threads}, torch {row['torch']}, {row['measured_at'][:10]}"


def distinct(rows: Sequence[Row], key: str, form: str = "{:,.0f}") -> str:
    """Return the distinct values that rows have under a key, as ``3 or 5``."""
    return " or ".join(form.format(value) for value in sorted({row[key] for row in rows}))
