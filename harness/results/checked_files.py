"""The files beside a ``result.json``, compared with its SHA-256 values and its numbers."""

import hashlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import DamagedError
from harness.foreign_files import read_regular, sha256_of
from harness.results.case_folder import RESULT
from harness.results.contradictions import contradiction_with_epochs, contradiction_with_predictions
from harness.results.logit_array import contradiction_with_logits, most_logit_file_bytes, parse_logits
from harness.results.prediction_arrays import most_prediction_bytes, parse_predictions
from harness.results.reading import most_epoch_bytes, parse_epoch_records, unreadable
from harness.results.result import LearningCurve, Result

EPOCHS, WEIGHTS = "epochs.jsonl", "weights.safetensors"
PREDICTIONS, LOGITS = "predictions.npz", "logits.npy"
_BYTES_PER_PARAMETER = 16  # of the widest kind of number; networks are stored with 4
_MOST_OTHER_WEIGHT_BYTES = 2**30  # buffers, which are no parameters: statistics of BatchNorm, masks


class ContradictedError(DamagedError):
    """A file that has the SHA-256 in its result, and contradicts the result: the result is not to be used."""


def most_bytes(result: Result, name: str) -> int:
    """Return the largest size that a file of the result can have."""
    if name == EPOCHS:
        return most_epoch_bytes(result.epochs)
    if name == PREDICTIONS:
        return most_prediction_bytes(result.test_images)
    if name == LOGITS:
        return most_logit_file_bytes(result.test_images, len(result.per_class))
    return _BYTES_PER_PARAMETER * result.params + _MOST_OTHER_WEIGHT_BYTES


def read_curve(folder: Path, result: Result) -> LearningCurve:
    """Read the learning curve of a result in its folder.

    Raises:
        ContradictedError: the epoch records contradict the result.
        DamagedError: the epoch records are missing or damaged.
        InputError: the epoch records cannot be read.
    """
    path = folder / EPOCHS
    content = _checked_content(folder, result, EPOCHS)
    try:
        records = parse_epoch_records(path, content)
    except ValueError as error:
        raise ContradictedError(str(error)) from error
    if problem := contradiction_with_epochs(result, records):
        raise ContradictedError(f"{path} contradicts its {RESULT}: {problem}")
    accuracies = tuple(record.evaluation_accuracy_percent for record in records)
    return LearningCurve(accuracies, records[-1].train_loss if records else math.nan)


def read_predictions(folder: Path, result: Result) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Read test labels and predicted classes of a complete result in its folder, each (N,).

    Raises:
        ContradictedError: the predictions contradict the result.
        DamagedError: the predictions are missing or damaged.
        InputError: the predictions cannot be read.
    """
    content = _checked_content(folder, result, PREDICTIONS)
    try:
        labels, predictions = parse_predictions(content, result.test_images)
        if problem := contradiction_with_predictions(result, labels, predictions):
            raise ValueError(problem)
    except ValueError as error:
        raise ContradictedError(f"{folder / PREDICTIONS} contradicts its {RESULT}: {error}") from error
    return labels, predictions


def read_logits(folder: Path, result: Result) -> NDArray[np.float16] | None:
    """Read the logits of a complete result in its folder, (N, classes); None if it has none.

    Raises:
        ContradictedError: the logits contradict the predictions, or the predictions the result.
        DamagedError: the logits or the predictions are missing or damaged.
        InputError: the logits or the predictions cannot be read.
    """
    return _read_logits_of(folder, result, read_predictions(folder, result)[1]) if LOGITS in result.files else None


def _read_logits_of(folder: Path, result: Result, predictions: NDArray[np.integer]) -> NDArray[np.float16]:
    content = _checked_content(folder, result, LOGITS)
    try:
        logits = parse_logits(content, result.test_images, len(result.per_class))
        if problem := contradiction_with_logits(predictions, logits):
            raise ValueError(problem)
    except ValueError as error:
        raise ContradictedError(f"{folder / LOGITS} contradicts its {RESULT}: {error}") from error
    return logits


def checked_path(folder: Path, result: Result, name: str) -> Path:
    """Return the path of a file after comparing its SHA-256 with the result's.

    Raises:
        DamagedError: the file is missing or damaged.
        InputError: the file cannot be read.
    """
    recorded = _recorded_sha256(folder, result, name)
    try:
        sha256 = sha256_of(folder / name, most_bytes(result, name))
    except OSError as error:
        raise _missing_or_unreadable(folder / name, error) from error
    _require_equal(folder / name, sha256, recorded)
    return folder / name


def require_unchanged(folder: Path, result: Result) -> None:
    """Check that every file of the result exists, has its SHA-256, and agrees with its numbers.

    Raises:
        DamagedError: a file is missing or damaged, or contradicts the result. The message names it.
        InputError: a file cannot be read. The message names it.
    """
    required = {EPOCHS} if result.epochs else set()
    if result.is_complete:
        required |= {PREDICTIONS, WEIGHTS}
    for name in sorted(required | result.files.keys()):
        if (folder / name).parent != folder:
            raise DamagedError(f"{folder / RESULT} has the SHA-256 of a file in another folder: {name}")
        if name == EPOCHS:
            read_curve(folder, result)
        elif name == PREDICTIONS and result.is_complete:
            _, predictions = read_predictions(folder, result)
            if LOGITS in result.files:
                _read_logits_of(folder, result, predictions)
        elif name != LOGITS or not result.is_complete:
            checked_path(folder, result, name)


def _checked_content(folder: Path, result: Result, name: str) -> bytes:
    """Return the content of a file after comparing its SHA-256 with the result's."""
    recorded = _recorded_sha256(folder, result, name)
    try:
        content = read_regular(folder / name, most_bytes(result, name))
    except OSError as error:
        raise _missing_or_unreadable(folder / name, error) from error
    _require_equal(folder / name, hashlib.sha256(content).hexdigest(), recorded)
    return content


def _recorded_sha256(folder: Path, result: Result, name: str) -> str:
    if name not in result.files:
        raise DamagedError(f"{folder / RESULT} has no SHA-256 of {name}")
    return result.files[name]


def _require_equal(path: Path, sha256: str, recorded: str) -> None:
    if sha256 != recorded:
        raise DamagedError(f"{path} is damaged: its SHA-256 is not the one in {RESULT}")


def _missing_or_unreadable(path: Path, error: OSError) -> Exception:
    return DamagedError(f"{path} is missing") if isinstance(error, FileNotFoundError) else unreadable(path, error)
