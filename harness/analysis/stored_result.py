"""A result in a results folder, with its other files at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.evidence import Logits, Predictions
from harness.results.result import LearningCurve, Result


@dataclass(frozen=True)
class StoredResult:
    """A result in a results folder, with functions that read its other files.

    Attributes:
        root: the results folder.
        read_predictions: returns the test labels and the predicted classes, each (N,); None if they cannot be read.
        read_curve: returns the learning curve; None if it cannot be read.
        read_logits: reads the logits, (N, classes), each time that it is called; None if they cannot be read.
    """

    result: Result
    root: Path
    read_predictions: Callable[[], Predictions | None]
    read_curve: Callable[[], LearningCurve | None]
    read_logits: Callable[[], Logits | None] = lambda: None
