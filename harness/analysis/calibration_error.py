"""Calibration of a network's probabilities: expected calibration error and Brier score.

The expected calibration error (ECE) groups the images by the probability of the predicted class, the confidence, into
bins of equal width; it is the mean difference between confidence and accuracy in a bin, weighted by its images. A
perfectly calibrated network has one above 0 as well, by chance: the fewer images a bin has, the larger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.analysis.predicted import PredictedModel
from harness.analysis.stats import Interval, mean_interval

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """The calibration of one network on the test images.

    Attributes:
        ece_percent: the expected calibration error.
        chance_percent: the ECE that a perfectly calibrated network with the same confidences has in the mean.
        overconfidence_points: mean confidence less accuracy.
        brier: mean over images of the squared differences between probabilities and truth, summed over classes: 0 to 2.
    """

    ece_percent: float
    chance_percent: float
    overconfidence_points: float
    brier: float


@dataclass(frozen=True)
class ModelCalibration:
    """The calibration of a model: means over its seeds, with their intervals."""

    model: str
    ece_percent: Interval
    chance_percent: Interval
    overconfidence_points: Interval
    brier: Interval


def model_calibrations(models: Sequence[PredictedModel]) -> list[ModelCalibration]:
    """Return the calibration of each model whose logits are kept."""
    found = []
    for one in models:
        if one.probabilities is None:
            continue
        of_seeds = [calibration(probabilities, one.labels) for probabilities in one.probabilities]
        names = ("ece_percent", "chance_percent", "overconfidence_points", "brier")
        means = {name: mean_interval([getattr(of_seed, name) for of_seed in of_seeds]) for name in names}
        found.append(ModelCalibration(one.model, **means))
    return found


def calibration(probabilities: NDArray[Any], labels: NDArray[np.integer]) -> Calibration:
    """Return the calibration of probabilities, (N, classes), given the true classes, (N,)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_correct = probabilities.argmax(axis=1) == labels
    images = len(labels)
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(place, weights=confidence - is_correct, minlength=BINS)
    counts, sums = np.bincount(place, minlength=BINS), np.bincount(place, weights=confidence, minlength=BINS)
    squares = (probabilities.astype(np.float64) ** 2).sum(axis=1)
    of_truth = probabilities[np.arange(images), labels].astype(np.float64)
    return Calibration(
        ece_percent=100 * float(np.abs(gaps).sum()) / images,
        chance_percent=100 * float(_mean_deviations(counts, sums / np.maximum(counts, 1)).sum()) / images,
        overconfidence_points=100 * float(gaps.sum()) / images,
        brier=float((squares - 2 * of_truth + 1).mean()),
    )


def _mean_deviations(counts: NDArray[Any], chances: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean absolute deviation of binomial counts from their means (de Moivre's formula)."""
    above = np.floor(counts * chances) + 1
    return np.asarray(2 * above * (1 - chances) * stats.binom.pmf(above, counts, chances))
