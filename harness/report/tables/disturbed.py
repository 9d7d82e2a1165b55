"""Disturbed epoch times: mark, undisturbed median beside the mean, and notes."""

from collections.abc import Sequence
from itertools import groupby

from harness.analysis.evidence import Evidence
from harness.report.tables.table import Column, Row
from harness.report.truncation import FEW_NAMES, first_lines, join_names
from harness.results.result import Result
from harness.text import count_noun, decimals, listed

MARK = "~"
_MAX_RANGES = 6  # of epochs in a line
_SOURCE = "disturbed_epochs in the CSV"


def disturbed_values(result: Result) -> dict[str, object]:
    """Return the disturbed epochs, ``3 7-9``, and what is shown of them, as plain values."""
    epochs = result.disturbed_epochs
    return {
        "disturbed_epochs": None if epochs is None else " ".join(_ranges(epochs, "-")),
        "disturbance_causes": "; ".join(result.disturbance_causes),
        "undisturbed_median_seconds": result.undisturbed_median_seconds if result.has_disturbed_times else None,
    }


def _marked_seconds(row: Row) -> str:
    return f"{row['epoch_seconds']:.2f}" + f" {MARK}" * bool(row["disturbed_epochs"])


EPOCH_SECONDS = Column("s/epoch", "epoch_seconds", _marked_seconds)
"""The mean over all epochs, with the mark if some were disturbed: ``0.63 ~``."""
UNDISTURBED = Column("undisturbed", "undisturbed_median_seconds", "{:.2f}")
"""The median of the undisturbed epochs, empty in rows without a disturbed one."""


def disturbed_notes(results: Sequence[Result]) -> list[str]:
    """Return a line on each result with disturbed epochs; a count from the fourth on."""
    lines = [f"{MARK} {_line(result)}" for result in results if result.has_disturbed_times]
    return first_lines(lines, f"runs marked {MARK} ({_SOURCE})", FEW_NAMES)


def _line(result: Result) -> str:
    """Return the disturbed epochs of a result with their causes, and its median beside its mean."""
    epochs, median = result.disturbed_epochs or (), result.undisturbed_median_seconds
    name = f"{result.model} seed {result.seed}"
    causes = f" ({listed(result.disturbance_causes)})" if result.disturbance_causes else ""
    mean = f"mean {_seconds(result.mean_epoch_seconds)}"
    if median is None:
        every = "its only epoch" if len(epochs) == 1 else f"all {len(epochs)} epochs"
        return f"{name}: {every} disturbed{causes}; {mean}"
    ranges = _ranges(epochs, "–")
    number = f"of {result.epochs}" if len(ranges) <= _MAX_RANGES else f"… ({len(epochs)} of {result.epochs})"
    which = f"epoch{'s' * (len(epochs) > 1)} {', '.join(ranges[:_MAX_RANGES])} {number}"
    return f"{name}: {which} disturbed{causes}; median of undisturbed epochs {_seconds(median)}, {mean}"


def _seconds(seconds: float | None) -> str:
    return f"{seconds or 0:.{max(2, decimals(seconds or 0, 2))}f} s"


def _ranges(epochs: Sequence[int], dash: str) -> list[str]:
    """Return the epochs with runs of neighbours as ranges: ``3``, ``7–9``."""
    runs = [[epoch for _, epoch in run] for _, run in groupby(enumerate(epochs), lambda pair: pair[1] - pair[0])]
    return [str(run[0]) if len(run) == 1 else f"{run[0]}{dash}{run[-1]}" for run in runs]


def disturbed_runs_note(evidence: Evidence) -> list[str]:
    """Return the note on a study's means of times; none without disturbed epochs."""
    disturbed = evidence.disturbed_results
    if not disturbed:
        return []
    names = join_names([f"{one.model} seed {one.seed}" for one in disturbed], _SOURCE)
    runs = count_noun(len(evidence.used_results), "run")
    return [f"disturbances lengthened epoch times of {len(disturbed)} of {runs} ({MARK}): {names}"]
