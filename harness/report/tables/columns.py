"""Columns and plain values that tables share: models, means with intervals, differences, p-values."""

from collections.abc import Callable, Sequence
from typing import Any

from harness.analysis.comparison import Comparison
from harness.analysis.evidence import Evidence
from harness.analysis.stats import Interval
from harness.report.tables.disturbed import MARK, disturbed_runs_note
from harness.report.tables.table import Column, Row
from harness.text import decimals, p_number, signed

OVER_SEEDS = "± half of the 95 % t interval over seeds, the replicates; none with one seed, or if all seeds agree"


def times_notes(evidence: Evidence) -> list[str]:
    """Return the note that times are not compared and the reason, or that disturbances lengthened some."""
    if evidence.has_comparable_times:
        return disturbed_runs_note(evidence)
    return [f"timed under different conditions: times are not compared ({'; '.join(evidence.hardware)})"]


def non_empty(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """Return the columns that have a value in some row."""
    return tuple(column for column in columns if any(row.get(column.key) is not None for row in rows))


def model_row(evidence: Evidence, model: str) -> dict[str, Any]:
    """Return the first values of a row on a model: its name, number of seeds, and result folders by seed."""
    runs = evidence.of(model)
    return {
        "model": model,
        "seeds": len(runs),
        "runs": {seed: evidence.folder_of(run.result) for seed, run in runs.items() if run.result},
    }


def interval_values(name: str, interval: Interval | None) -> dict[str, Any]:
    """Return a mean and its interval as plain values."""
    if interval is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def mean_cell(name: str, *, is_percent: bool = True, is_signed: bool = False) -> Callable[[Row], str]:
    """Return the format of a mean with half of its interval, if it has one: ``99.07 ± 0.80``.

    Args:
        is_percent: True for two decimals; False for two significant figures of the half interval, or four of the mean.
    """

    def cell(row: Row) -> str:
        mean, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
        half = None if low is None else (high - low) / 2
        digits = 2 if is_percent else decimals(half, 2) if half else decimals(mean, 4)
        text = signed(mean, digits) if is_signed else f"{mean:.{digits}f}"
        return text if half is None else f"{text} ± {half:.{digits}f}"

    return cell


def disturbed_runs(evidence: Evidence, model: str) -> int:
    """Return the number of a model's runs with disturbed epochs."""
    return sum(result.model == model for result in evidence.disturbed_results)


def _marked_mean_seconds(row: Row) -> str:
    return mean_cell("epoch_seconds", is_percent=False)(row) + f" {MARK}" * bool(row["disturbed_runs"])


def difference_values(one: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values."""
    return {
        "model": one.model,
        "other": one.other,
        **interval_values("difference_points", one.interval),
        "relative_percent": one.relative_percent,
        "seeds": len(one.seeds),
        "family": one.family,
        "p_value": one.p_alone,
        "p_holm": one.p_value,
        "is_significant": one.is_significant,
    }


def ends_cell(name: str, digits: int = 2) -> Callable[[Row], str]:
    """Return the format of an interval's ends."""

    def cell(row: Row) -> str:
        return f"{signed(row[f'{name}_low'], digits)} to {signed(row[f'{name}_high'], digits)}"

    return cell


def p_cell(name: str) -> Callable[[Row], str]:
    """Return the format of a p-value without its ``p =``."""
    return lambda row: p_number(row[name])


def yes_or_no(name: str) -> Callable[[Row], str]:
    """Return the format of a truth value."""
    return lambda row: "yes" if row[name] else "no"


def model_column(heading: str = "model", key: str = "model") -> Column:
    """Return a column of models."""
    return Column(heading, key, is_words=True)


def signed_column(heading: str, key: str, digits: int = 2) -> Column:
    """Return a column of differences."""
    return Column(heading, key, lambda row: signed(row[key], digits))


MEAN_EPOCH_SECONDS = Column("s/epoch", "epoch_seconds", _marked_mean_seconds)
"""The mean over seeds, with the mark if epochs of a run were disturbed."""
SEED_COUNT = Column("n", "seeds")
INTERVAL = Column("interval", "difference_points_low", ends_cell("difference_points"))
WIDER_MINUS_DEEPER = signed_column("wider − deeper pp", "difference_points")
DIFFERENCE = (
    signed_column("Δ pp", "difference_points"),
    INTERVAL,
    signed_column("Δ relative %", "relative_percent"),
)
P_HOLM = Column("p (Holm)", "p_holm", p_cell("p_holm"))
