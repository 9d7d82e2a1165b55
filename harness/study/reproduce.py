"""Results reproduced from stored weights: accuracy, macro-F1 and every prediction computed again."""

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
from harness.study.stored_network import require_weights
from harness.training.train import load_weights
from harness.training.trainers import make_trainer


@dataclass(frozen=True)
class Reproduction:
    """The scores of a result's stored weights on the test images, beside the recorded ones.

    Attributes:
        recorded: the result.
        scores: those of the stored weights, computed now.
        changed_predictions: the number of test images whose predicted class differs from the recorded one.
    """

    recorded: Result
    scores: metrics.Scores
    changed_predictions: int

    @property
    def is_exact(self) -> bool:
        """True if accuracy, macro-F1 and every prediction equal the recorded ones."""
        return not self.changed_predictions and (
            (self.scores.accuracy_percent, self.scores.macro_f1_percent)
            == (self.recorded.accuracy_percent, self.recorded.macro_f1_percent)
        )


def reproduce(result: Result, results: ResultsFolder, dataset: Dataset, device: torch.device) -> Reproduction:
    """Evaluate a complete result's stored weights on its test images, by its own pipeline and precision.

    Raises:
        InputError: the result is not complete, the images differ, or a file beside it is damaged or unreadable.
    """
    require_weights(result)
    require_same_images(result, dataset)
    case = result.case
    weights, (labels, predictions) = results.weights_path(result), results.read_predictions(result)
    trainer = make_trainer(case, dataset.spec, device)
    load_weights(weights, trainer.network)
    found = trainer.evaluate(trainer.place(dataset.test, "test")).predictions
    scores = metrics.score(dataset.test.labels.numpy(), found, dataset.spec.class_names)
    changed = int(np.sum((found != predictions) | (dataset.test.labels.numpy() != labels)))
    return Reproduction(result, scores, changed)


def require_same_images(result: Result, dataset: Dataset) -> None:
    """Raise an `InputError` if a result was trained on other images than the dataset's."""
    case = result.case
    if dataset.fingerprint != case.data_fingerprint:
        raise InputError(
            f"{case.label} was trained on other images: their SHA-256 is {case.data_fingerprint[:12]}, that of "
            f"{dataset.origin} is {dataset.fingerprint[:12]}"
        )


def images_of(result: Result, settings: Settings) -> Dataset:
    """Load the images that a result's case was trained and tested on, from the data folder.

    Raises:
        InputError: the images are missing or damaged.
    """
    name, data_dir = result.dataset, settings.data_dir
    image_size = result.case.recipe.image_size if is_folder(name) else None
    if result.mode == "quick":
        return registry.load_slice(name, data_dir, QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES, image_size=image_size)
    return registry.load(name, data_dir, image_size=image_size)


def device_of(result: Result, settings: Settings) -> torch.device:
    """Return the device to evaluate a result on: the settings', by default the kind that trained it.

    Raises:
        InputError: the device is not available or does not support the case's precision.
    """
    case = result.case
    device = resolve_device(case.device_kind if settings.device == "auto" else settings.device)
    resolve_precision(case.precision, device, case.pipeline)
    return device
