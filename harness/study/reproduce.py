"""A result reproduced from its stored weights: accuracy and macro-F1 once more, image by image."""

from dataclasses import dataclass

import numpy as np
import torch

from harness.config.datasets import is_folder
from harness.config.recipes import QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.config.settings import Settings
from harness.data import registry
from harness.data.registry import Dataset
from harness.errors import InputError
from harness.hardware.device import resolve_device, resolve_precision
from harness.results import metrics
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.training.train import load_weights
from harness.training.trainers import make_trainer


@dataclass(frozen=True)
class Reproduction:
    """What the stored weights come to on the test images.

    Attributes:
        recorded: the result.
        scores: of the stored weights now.
        changed_predictions: test images whose predicted class is another one than recorded.
    """

    recorded: Result
    scores: metrics.Scores
    changed_predictions: int

    @property
    def is_exact(self) -> bool:
        """Whether accuracy, macro-F1 and every prediction are the recorded ones."""
        return not self.changed_predictions and (
            (self.scores.accuracy_percent, self.scores.macro_f1_percent)
            == (self.recorded.accuracy_percent, self.recorded.macro_f1_percent)
        )


def reproduce(result: Result, results: ResultsFolder, dataset: Dataset, device: torch.device) -> Reproduction:
    """Evaluate a complete result's stored weights on its test images, as its pipeline and precision do.

    Raises:
        InputError: it is not complete, the images are others, or a file beside it is damaged or cannot be read.
    """
    case = result.case
    if not result.is_complete:
        raise InputError(f"{case.label} has no weights: its status is {result.status} ({result.cause})")
    if dataset.fingerprint != case.data_fingerprint:
        raise InputError(
            f"{case.label} was trained on other images than those of {dataset.origin}: their SHA-256 is "
            f"{case.data_fingerprint[:12]} there and {dataset.fingerprint[:12]} here"
        )
    weights, (labels, predictions) = results.weights_path(result), results.read_predictions(result)
    trainer = make_trainer(case, dataset.spec, device)
    load_weights(weights, trainer.network)
    found = trainer.evaluate(trainer.place(dataset.test, "test")).predictions
    scores = metrics.score(dataset.test.labels.numpy(), found, dataset.spec.class_names)
    changed = int(np.sum((found != predictions) | (dataset.test.labels.numpy() != labels)))
    return Reproduction(result, scores, changed)


def images_of(result: Result, settings: Settings) -> Dataset:
    """The images that a result's case was trained and tested on, from the data folder.

    Raises:
        InputError: they are not there, or damaged.
    """
    name, data_dir = result.dataset, settings.data_dir
    image_size = result.case.recipe.image_size if is_folder(name) else None
    if result.mode == "quick":
        return registry.load_slice(name, data_dir, QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES, image_size=image_size)
    return registry.load(name, data_dir, image_size=image_size)


def device_of(result: Result, settings: Settings) -> torch.device:
    """The device to evaluate a result on: unless the settings name one, of the kind that it was trained on.

    Raises:
        InputError: it is not there, or does not have the case's precision.
    """
    case = result.case
    device = resolve_device(case.device_kind if settings.device == "auto" else settings.device)
    resolve_precision(case.precision, device, case.pipeline)
    return device
