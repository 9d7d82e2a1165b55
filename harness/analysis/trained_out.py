"""Models that are not trained out: an answer built on them would be about the number of epochs."""

import math
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.evidence import Evidence

MAX_RISE_POINTS = 0.1
"""Percentage points per epoch by which the accuracy of a model that is trained out may still rise."""
LAST_SHARE = 0.1
"""The share of the epochs, the last ones, over which the rise is measured."""
_LEAST_EPOCHS = 3  # a slope of two epochs is their noise
_LEAST_IMAGES = 2  # a rise by fewer test images is not one
NEAR_CHANCE = 0.9
"""The final training loss, as a share of that of guessing, from which on it counts as near chance."""


@dataclass(frozen=True)
class Untrained:
    """A model that is not trained out, with the reason and what to do about it in words."""

    model: str
    reason: str
    remedy: str = "give more epochs"


def drop_untrained(evidence: Evidence, *, are_on_axes: bool = True) -> tuple[Evidence, tuple[Untrained, ...]]:
    """Return the evidence without models that are not trained out, and those models with the reasons.

    Args:
        are_on_axes: check the models on the depth and the width axis: no other model enters a verdict. False checks the
            others, which enter the grid.
    """
    axes = evidence.axes
    if axes is None:
        return evidence, ()
    on_axes = dict.fromkeys((*axes.along("depth"), *axes.width))
    checked = on_axes if are_on_axes else [model for model in evidence.models if model not in on_axes]
    untrained = tuple(one for model in checked if (one := _untrained(evidence, model)))
    if not untrained:
        return evidence, ()
    dropped = {one.model for one in untrained}
    return replace(evidence, runs=tuple(run for run in evidence.runs if run.model not in dropped)), untrained


def _untrained(evidence: Evidence, model: str) -> Untrained | None:
    """Return why a model is not trained out; None if it is, or if its epochs are unknown."""
    runs = list(evidence.of(model).values())
    curves = [curve for run in runs if (curve := run.read_curve()) is not None and curve.accuracy_percent]
    if not curves:
        return None
    classes = len(runs[0].recall_percent)
    if classes > 1 and np.mean([curve.final_train_loss for curve in curves]) >= NEAR_CHANCE * math.log(classes):
        remedy = "give more epochs or other learning rates"
        return Untrained(model, "its final training loss is near that of guessing", remedy)
    length = min(len(curve.accuracy_percent) for curve in curves)
    if length == 1:
        return Untrained(model, "one epoch cannot show that its accuracy has stopped rising")
    mean = np.mean([curve.accuracy_percent[-length:] for curve in curves], axis=0)
    rise = _rise_per_epoch(mean, evidence.test_images)
    return Untrained(model, f"its accuracy still rises by {rise:.2f} pp an epoch") if rise > MAX_RISE_POINTS else None


def _rise_per_epoch(accuracies_percent: np.ndarray, test_images: int) -> float:
    """Return the slope over the last epochs in percentage points; 0 if it amounts to less than two images."""
    epochs = max(_LEAST_EPOCHS, math.ceil(LAST_SHARE * len(accuracies_percent)))
    last = accuracies_percent[-epochs:]
    if len(last) < 2:
        return 0.0
    slope = float(np.polyfit(np.arange(len(last)), last, 1)[0])
    return slope if slope * (len(last) - 1) >= 100 * _LEAST_IMAGES / max(1, test_images) else 0.0
