"""Contradictions in a result, and between a result and its files, found by recomputing."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.config.case import SEED_LIMIT, by_dotted_name
from harness.results.marginal_gain import marginal_gain
from harness.results.ranges import LEAST_SECONDS, MOST_COUNT, MOST_LOSS
from harness.results.result import EpochRecord, Result
from harness.text import count_noun

_MEASURES = ("accuracy_percent", "best_accuracy_percent", "best_epoch", "macro_f1_percent", "marginal_gain")
_MOST_DEPTH_OR_WIDTH = 10**6
_TOLERANCE = 1e-6  # of recomputed numbers: sums in another order differ in the last digits


def contradiction_in(result: Result) -> str | None:
    """Return the first contradiction between a result's fields, or None."""
    checks = (_in_case, _in_place, _in_measures, _in_epochs, _in_classes, _in_use)
    return next((problem for check in checks if (problem := check(result))), None)


def _in_case(result: Result) -> str | None:
    case = result.case
    if (result.model, result.dataset, result.seed, result.mode) != (case.model, case.dataset, case.seed, case.mode):
        return "its model, dataset, seed or mode is not its case's"
    outside = next((name for name, value in by_dotted_name(asdict(case)).items() if not _is_moderate(value)), None)
    return None if outside is None else f"case.{outside} is out of range"


def _is_moderate(value: Any) -> bool:
    """Return whether a value of a case holds no number that is too large to count or to print."""
    if isinstance(value, list | tuple):
        return all(map(_is_moderate, value))
    if isinstance(value, float):
        return math.isfinite(value)  # a learning rate may be anything: its training diverges
    return not isinstance(value, int) or abs(value) < max(MOST_COUNT, SEED_LIMIT)


def _in_place(result: Result) -> str | None:
    """Return the contradiction in the model's place in its family: axes are ratios of depths and widths."""
    point = result.point
    depth, width = (1 if value is None else value for value in (point.depth, point.width))
    if 1 <= depth <= _MOST_DEPTH_OR_WIDTH and 1 / _MOST_DEPTH_OR_WIDTH <= width <= _MOST_DEPTH_OR_WIDTH:
        return None
    return f"the depth or width of {point.name[:40]} is out of range"


def _in_measures(result: Result) -> str | None:
    if not result.is_complete:
        return None
    if (lacking := next((name for name in _MEASURES if getattr(result, name) is None), None)) is not None:
        return f"{lacking} is missing"
    return None if result.test_images else "it has no test images"


def _in_epochs(result: Result) -> str | None:
    if result.epochs != len(result.epoch_seconds):
        return f"it has {count_noun(result.epochs, 'epoch')} but the seconds of {len(result.epoch_seconds)}"
    if result.epochs > result.case.recipe.epochs:
        return f"it has {count_noun(result.epochs, 'epoch')}, its recipe {result.case.recipe.epochs}"
    if not math.isclose(result.total_seconds, sum(result.epoch_seconds), abs_tol=LEAST_SECONDS):
        return "its total_seconds is not the sum of its epoch_seconds"
    if max([result.best_epoch or 0, *(result.disturbed_epochs or ())]) > result.epochs:
        return f"its best_epoch or disturbed_epochs are beyond its {count_noun(result.epochs, 'epoch')}"
    starts = [attempt.first_epoch for attempt in result.attempts]
    if starts[0] != 1 or max(starts) > result.epochs + 1:
        return f"its attempts begin at epochs {min(starts)} to {max(starts)}, and it has {result.epochs}"
    return None


def _in_classes(result: Result) -> str | None:
    names = [one["class_name"] for one in result.per_class]
    if len(set(names)) < len(names):
        return "per_class has a class twice"
    if names and sum(one["images"] for one in result.per_class) != result.test_images:
        return f"the images of its classes are not its {result.test_images:,} test_images"
    if names and result.confusion and any(len(row) != len(names) for row in (result.confusion, *result.confusion)):
        return f"its confusion is not a square of its {count_noun(len(names), 'class')}"
    return None


def _in_use(result: Result) -> str | None:
    if result.inference and not result.is_complete:
        return f"it has times of use, and its status is {result.status}"
    measured = [(one.batch, one.threads) for one in result.inference]
    if len(set(measured)) < len(measured):
        return "inference has the same batch and threads twice"
    if any(one.median_seconds < LEAST_SECONDS for one in result.inference):
        return "a median_seconds of its inference is less than a clock can measure"
    if result.weight_bytes is not None and result.weight_bytes < result.params:
        return f"its {result.params:,} params do not fit into its {result.weight_bytes:,} weight_bytes"
    return None


def contradiction_with_predictions(
    result: Result, labels: NDArray[np.integer], predictions: NDArray[np.integer]
) -> str | None:
    """Return the first contradiction between a complete result and its predictions, or None.

    Its marginal gain is recomputed here and not in `contradiction_in`: a result of code with another formula has to be
    readable, to be refused as a result of other code.

    Args:
        labels, predictions: 64-bit integers, (N,).
    """
    classes = len(result.per_class) or MOST_COUNT  # results of early versions have no classes
    if not len(labels):
        return "it has no images"
    if min(labels.min(), predictions.min()) < 0 or max(labels.max(), predictions.max()) >= classes:
        return f"a label or a predicted class is not one of {count_noun(classes, 'class')}"
    accuracy = 100 * int((labels == predictions).sum()) / len(labels)
    problem = _difference("accuracy_percent", result.accuracy_percent, accuracy)
    if problem is None and result.total_seconds:
        problem = _difference("marginal_gain", result.marginal_gain, marginal_gain(accuracy, result.total_seconds))
    if problem is not None:
        return problem
    return _in_scores(result, labels, predictions) if result.per_class else None


def _in_scores(result: Result, labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> str | None:
    """Return the first contradiction between the scores by class and the predictions, or None."""
    classes = len(result.per_class)
    hits, images, predicted = (
        np.bincount(some, minlength=classes) for some in (labels[labels == predictions], labels, predictions)
    )
    recomputed = {
        "images": images,
        "precision_percent": 100 * hits / np.maximum(predicted, 1),
        "recall_percent": 100 * hits / np.maximum(images, 1),
        "f1_percent": 200 * hits / np.maximum(images + predicted, 1),
    }
    for name, values in recomputed.items():
        recorded = np.array([one[name] for one in result.per_class], dtype=np.float64)
        different = np.flatnonzero(np.abs(recorded - values) > _TOLERANCE)
        if len(different):
            k = different[0]
            return _difference(f"{name} of {result.per_class[k]['class_name']}", recorded[k], values[k])
    if result.confusion:
        pairs = np.bincount(labels * classes + predictions, minlength=classes**2)
        if not np.array_equal(np.array(result.confusion).ravel(), pairs):
            return "confusion is not that of the predictions"
    return _difference("macro_f1_percent", result.macro_f1_percent, float(recomputed["f1_percent"].mean()))


def contradiction_with_epochs(result: Result, records: Sequence[EpochRecord]) -> str | None:
    """Return the first contradiction between a result and its epoch records, or None."""
    if len(records) != result.epochs:
        return f"epochs is recorded as {result.epochs}, and it has {count_noun(len(records), 'record')}"
    pairs = zip(result.epoch_seconds, (one.epoch_seconds for one in records), strict=True)
    if differing := next(((epoch, *pair) for epoch, pair in enumerate(pairs, 1) if pair[0] != pair[1]), None):
        epoch, recorded, found = differing
        return f"the seconds of epoch {epoch} are recorded as {recorded:.6g}, and its record has {found:.6g}"
    return _in_best_epoch(result, records) if result.is_complete and records else None


def _in_best_epoch(result: Result, records: Sequence[EpochRecord]) -> str | None:
    """Return the contradiction between the best epoch and a complete result's records, or None."""
    if not abs(records[-1].train_loss) <= MOST_LOSS:
        return f"the last train_loss {records[-1].train_loss} is out of range"
    best = max(records, key=lambda one: one.evaluation_accuracy_percent)
    if result.best_epoch != best.epoch:
        return f"best_epoch is recorded as {result.best_epoch}, recomputed {best.epoch}"
    if result.case.val_split:  # the epochs were evaluated on other images than the best weights
        return None
    return _difference("best_accuracy_percent", result.best_accuracy_percent, best.evaluation_accuracy_percent)


def _difference(name: str, recorded: float | None, recomputed: float) -> str | None:
    """Return the difference between a recorded and a recomputed number in words; None if they agree."""
    if recorded is None or math.isclose(recorded, recomputed, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        return None
    return f"{name} is recorded as {recorded:.6g}, recomputed {recomputed:.6g}"
