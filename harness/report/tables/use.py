"""The table of the costs of using each model: size, latency and throughput."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from harness.analysis.evidence import Evidence, Run
from harness.analysis.stats import mean_interval
from harness.report.tables.columns import OVER_SEEDS, SEED_COUNT, interval_values, model_column, model_row, non_empty
from harness.report.tables.table import Column, Row, Table
from harness.results.inference_time import LATENCY_BATCH, THROUGHPUT_BATCH, InferenceTime
from harness.text import count, decimals, short_time, throughput

_ONE_THREAD = "latency_one_thread_seconds"


def use_table(evidence: Evidence) -> Table:
    """Return each model's size and mean times of use; without times of different conditions."""
    rows = [_values(evidence, model) for model in evidence.models]
    columns = [
        model_column(),
        SEED_COUNT,
        Column("params", "params", lambda row: count(row["params"])),
        Column("MACs", "macs", lambda row: count(row["macs"])),
        Column("activations", "activations", lambda row: count(row["activations"])),
        Column("weight bytes", "weight_bytes", lambda row: count(row["weight_bytes"])),
        Column("latency ms", "latency_seconds", _latency_cell),
        Column("latency, 1 thread", _ONE_THREAD, lambda row: short_time(row[_ONE_THREAD])),
        Column("throughput", "image_seconds", lambda row: throughput(row["image_seconds"])),
        Column("spread of rounds %", "round_spread_percent", "{:.1f}"),
        Column("disturbed runs", "disturbed_runs"),
    ]  # fmt: skip
    measured_on = f", on {'; '.join(evidence.used_on)}" if evidence.used_on else ""
    notes = (
        f"latency: the time of a forward pass of {LATENCY_BATCH} image; throughput: {THROUGHPUT_BATCH} images over the "
        f"time of their batch; each the median of its rounds, with all threads{measured_on}. {OVER_SEEDS}",
        "spread of rounds: the largest interquartile range of a model's undisturbed times, in percent of their median",
        *(["times were measured under different conditions and are left out"] if len(evidence.used_on) > 1 else []),
    )
    title = f"{evidence.title}: what using each model costs"
    return Table(f"{evidence.file_name}-use", title, non_empty(columns, rows), tuple(rows), notes)


def _values(evidence: Evidence, model: str) -> dict[str, Any]:
    runs = list(evidence.of(model).values())
    timed = runs if len(evidence.used_on) <= 1 else []
    times = [one for run in timed if run.result is not None for one in run.result.inference]
    return {
        **model_row(evidence, model),
        **{name: getattr(runs[0], name) for name in ("params", "macs", "activations", "weight_bytes")},
        **_mean_values(timed, "latency_seconds"),
        **_mean_values(timed, "image_seconds"),
        _ONE_THREAD: _one_thread_latency(times),
        "round_spread_percent": _spread_percent(times),
        "disturbed_runs": sum(map(_is_disturbed, timed)) or None,
    }


def _mean_values(runs: Sequence[Run], name: str) -> dict[str, Any]:
    """Return the mean of the known times with its interval, also if other runs have none."""
    known = [value for run in runs if (value := getattr(run, name)) is not None]
    return interval_values(name, mean_interval(known) if known else None)


def _one_thread_latency(times: Iterable[InferenceTime]) -> float | None:
    """Return the mean latency with one thread, if the same runs have others to compare it with."""
    latencies = [one for one in times if one.batch == LATENCY_BATCH]
    single = [one.median_seconds for one in latencies if one.threads == 1 and not one.is_disturbed]
    return fmean(single) if single and len({one.threads for one in latencies}) > 1 else None


def _spread_percent(times: Iterable[InferenceTime]) -> float | None:
    sound = [one for one in times if one.median_seconds and not one.is_disturbed]
    return max((100 * one.spread_seconds / one.median_seconds for one in sound), default=None)


def _is_disturbed(run: Run) -> bool:
    return run.result is not None and any(one.is_disturbed for one in run.result.inference)


def _latency_cell(row: Row) -> str:
    mean, high = 1000 * row["latency_seconds"], row["latency_seconds_high"]
    half = 0.0 if high is None else 1000 * high - mean
    digits = decimals(half or mean, 2 if half else 3)
    return f"{mean:.{digits}f} ± {half:.{digits}f}" if half else f"{mean:.{digits}f}"
