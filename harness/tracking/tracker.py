"""The interface of a tracker. A third one is one file: a `Tracker` and its `TrackedRun`.

See docs/trackers.md for an example. An exception from any method means that the tracker is down: it is made again
later, and asked again which epochs it has.
"""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.results.result import EpochRecord, Result

Value = str | int | float | bool


@dataclass(frozen=True)
class Training:
    """One training of a case from scratch, with all its interruptions: one run of a tracker.

    Attributes:
        key: the same for every attempt at this training; another one after ``--rerun``.
        label: human-readable name: ``digits resnet20 seed 0``.
        folder: the case's folder, with ``epochs.jsonl`` and ``result.json``.
        parameters: the case's model, dataset, seed and recipe, by name.
        records: the epochs recorded so far.
        result: None while the case is in training.
    """

    key: str
    label: str
    folder: Path
    parameters: Mapping[str, Value]
    records: Sequence[EpochRecord]
    result: Result | None


@dataclass(frozen=True)
class ReportFiles:
    """A report's page, its tables (CSV, Markdown, TeX) and its figures (SVG, PNG)."""

    page: Path
    tables: Sequence[Path]
    figures: Sequence[Path]


class TrackedRun(abc.ABC):
    """A training's run in a tracker.

    Attributes:
        epochs: the number of epochs that the tracker has.
        finished_at: `Result.finished_at` of the result that the tracker has; None without one.
    """

    epochs: int = 0
    finished_at: str | None = None

    @abc.abstractmethod
    def log_epochs(self, records: Sequence[EpochRecord]) -> None:
        """Log epochs that the tracker does not have yet, each at step `EpochRecord.epoch`."""

    @abc.abstractmethod
    def finish(self, training: Training, result: Result) -> None:
        """Log a result: final measures, status and files. Store ``result.finished_at`` after everything else."""

    def interrupt(self) -> None:  # noqa: B027 - not every tracker shows it
        """Mark the run as interrupted: the session ends, and the training has no result."""

    def close(self) -> None:  # noqa: B027 - not every tracker holds anything open
        """Release what the run holds open."""


class Tracker(abc.ABC):
    """A tracker, made in a process of its own.

    Attributes:
        place: where the runs are, human-readable, for the last line of the session.
    """

    place: str = ""

    @abc.abstractmethod
    def __init__(self, results_dir: Path) -> None:
        """Connect to the tracker.

        Args:
            results_dir: the results folder.
        """

    @abc.abstractmethod
    def open_run(self, training: Training) -> TrackedRun:
        """Return the training's run, found by its key, or a new one; without a result, mark it as running."""

    def log_report(self, report: ReportFiles) -> None:  # noqa: B027 - not every tracker keeps files
        """Log the report of the results folder."""
