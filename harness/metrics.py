"""What a trained model's predictions come to (paper section 3.2.4)."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


@dataclass(frozen=True)
class ClassScores:
    """One class's scores in percent, and how many test images it has."""

    class_name: str
    precision_percent: float
    recall_percent: float
    f1_percent: float
    images: int


@dataclass(frozen=True)
class Scores:
    """A test set's scores.

    Attributes:
        accuracy_percent: share of images right.
        macro_f1_percent: the mean of the classes' F1 over all classes.
        confusion: images of class i (row) predicted as class j (column).
    """

    accuracy_percent: float
    macro_f1_percent: float
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """The scores as plain values."""
        return asdict(self)


def score(labels: NDArray[np.integer], predictions: NDArray[np.integer], class_names: tuple[str, ...]) -> Scores:
    """Scores over all classes, of labels and predicted classes of shape (N,).

    A class never predicted, or without test images, counts 0 in macro-F1 (the appendix's own code gives NaN).
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
    """Percent of images right."""
    return 100 * correct / images


def most_macro_f1_percent(accuracy_percent: float, classes: int) -> float:
    """The highest macro-F1 that an accuracy allows, in percent, on a test set with as many images of every class.

    It is reached where all errors are taken for one and the same class, and spread evenly over the others: in shares of
    a class's images, with e = 1 − accuracy and K classes, that class has F1 = 2 / (2 + eK) and each of the others
    2 (1 − v) / (2 − v) with v = eK / (K − 1). Where accuracy is low (of ten classes below some 75 %; of two always) it
    pays to miss x of that class too, all of them taken for a second class, of which y are missed: the best x and y
    are searched for, and the bound is right to .001.

    Raises:
        ValueError: fewer than two classes, or an accuracy that is none.
    """
    if classes < 2 or not 0 <= accuracy_percent <= 100:
        raise ValueError("a bound needs two classes or more and an accuracy from 0 to 100")
    errors, others = classes * (1 - accuracy_percent / 100), classes - 2
    steps = np.linspace(0, 1, 301)
    x = _between(errors - others - 1, errors, steps)[:, None]
    y = _between(errors - x - others, errors - x, steps)
    missed = np.clip((errors - x - y) / max(1, others), 0, 1)
    total = _f1(x, errors - x) + _f1(y, x) + others * _f1(missed, 0.0)
    plain = min(1.0, errors / (others + 1))
    is_plain = errors <= others + 1
    dumped = float(_f1(0.0, errors) + (others + 1) * _f1(plain, 0.0)) if is_plain else 0.0
    return 100 * max(dumped, float(total.max())) / classes


def _between(least: Any, most: Any, steps: NDArray[np.float64]) -> Any:
    """Shares of a class's images from the least to the most that is possible."""
    low, high = np.clip(least, 0, 1), np.clip(most, 0, 1)
    return low + (high - low) * steps


def _f1(missed: Any, taken_for_it: Any) -> Any:
    """A class's F1, of the share of its images that is missed, and the images of others taken for it."""
    return 2 * (1 - missed) / np.maximum(2 - missed + taken_for_it, 1e-300)


def marginal_gain(final_accuracy_percent: float, total_seconds: float) -> float:
    """The paper's equation 6: final accuracy in percent over total training seconds.

    An average in truth, whatever its name; it depends on the number of epochs, so it compares only inside one dataset.
    """
    return final_accuracy_percent / total_seconds
