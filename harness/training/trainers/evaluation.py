"""An evaluation of images: loss, accuracy, and each image's prediction with its logits."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.results import metrics
from harness.results.logit_array import obstacle_to_logits


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of N images: mean loss, accuracy, and each image's predicted class, (N,).

    Attributes:
        logits: in half precision, less each image's largest one, (N, classes); None if they were not asked for, or are
            too large to be stored.
    """

    loss: float
    accuracy_percent: float
    predictions: NDArray[np.int64]
    logits: NDArray[np.float16] | None = None


class Predictions:
    """The predictions of an evaluation, batch by batch, on the device.

    Args:
        images: the number of images to be evaluated.
        classes: the number of classes.
        with_logits: keep the logits too, if they are not too large to be stored.
    """

    def __init__(self, images: int, classes: int, *, with_logits: bool) -> None:
        self._classes: list[Tensor] = []
        self._logits: list[Tensor] | None = [] if with_logits and not obstacle_to_logits(images, classes) else None

    def add(self, logits: Tensor) -> None:
        """Add the predictions of one batch, from its logits, (n, classes)."""
        self._classes.append(logits.argmax(1))
        if self._logits is not None:
            self._logits.append(in_half_precision(logits))

    def evaluation(self, loss: float, labels: Tensor) -> Evaluation:
        """Return the evaluation of all batches; wait for the device."""
        predicted = torch.cat(self._classes).cpu()
        accuracy_percent = metrics.accuracy_percent(int((predicted == labels.cpu()).sum()), len(labels))
        logits = None if self._logits is None else torch.cat(self._logits).cpu().numpy()
        return Evaluation(loss, accuracy_percent, predicted.numpy(), logits)


def in_half_precision(logits: Tensor) -> Tensor:
    """Return logits less each image's largest one, in half precision; none is infinite."""
    exact = logits.float()
    return (exact - exact.amax(1, keepdim=True)).clamp(min=torch.finfo(torch.float16).min).half()
