"""Accuracy and macro-F1, computed from predictions (paper section 3.2.4)."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


@dataclass(frozen=True)
class ClassScores:
    """One class's scores in percent, and its number of test images."""

    class_name: str
    precision_percent: float
    recall_percent: float
    f1_percent: float
    images: int


@dataclass(frozen=True)
class Scores:
    """The scores of predictions on a test set.

    Attributes:
        accuracy_percent: the share of images classified correctly.
        macro_f1_percent: the mean of F1 over all classes.
        confusion: the number of images of class i (row) predicted as class j (column).
    """

    accuracy_percent: float
    macro_f1_percent: float
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain values."""
        return asdict(self)


def score(labels: NDArray[np.integer], predictions: NDArray[np.integer], class_names: tuple[str, ...]) -> Scores:
    """Compute scores over all classes from labels and predicted classes, each (N,).

    A class that is never predicted, or has no test images, counts 0 in macro-F1 (the paper's appendix code gives NaN).
    """
    every_class = list(range(len(class_names)))
    precision, recall, f1, images = precision_recall_fscore_support(
        labels, predictions, labels=every_class, average=None, zero_division=0.0
    )
    return Scores(
        accuracy_percent=accuracy_percent(int((labels == predictions).sum()), len(labels)),
        macro_f1_percent=100 * float(np.mean(f1)),
        per_class=tuple(
            ClassScores(name, 100 * float(precision[k]), 100 * float(recall[k]), 100 * float(f1[k]), int(images[k]))
            for k, name in enumerate(class_names)
        ),
        confusion=tuple(map(tuple, confusion_matrix(labels, predictions, labels=every_class).tolist())),
    )


def accuracy_percent(correct: int, images: int) -> float:
    """Return the percentage of images classified correctly."""
    return 100 * correct / images
