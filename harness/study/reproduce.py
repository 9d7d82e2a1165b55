"""Results reproduced from stored weights: accuracy, macro-F1 and every prediction computed again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.config.case import Mode
from harness.config.datasets import is_own_images, is_resized, own_path, prefix_of
from harness.config.recipe import Resize
from harness.config.recipes import QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.config.settings import Settings
from harness.data import registry
from harness.data.formats.folder_listing import is_present
from harness.data.registry import Dataset
from harness.data.split import split_training
from harness.errors import DamagedError, InputError
from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.hardware.device import resolve_device, resolve_precision
from harness.results import metrics
from harness.results.case_folder import RESULT
from harness.results.checked_files import PREDICTIONS
from harness.results.folder import ResultsFolder
from harness.results.inference_time import InferenceTime
from harness.results.result import Result
from harness.study.machine import require_fitting_images
from harness.text import MOST_NAMED, listed_up_to
from harness.training.context import TrainingContext
from harness.training.inference_meter import InferenceMeter
from harness.training.trainers import make_trainer


@dataclass(frozen=True)
class Reproduction:
    """The scores of a result's stored weights on the test images, beside the recorded ones.

    Attributes:
        recorded: the result.
        scores: those of the stored weights, computed now.
        changed_predictions: the number of test images whose predicted class differs from the recorded one.
        inference: the times to use the network, measured now if the result has recorded some.
        notes: the reason for each time that is left out.
    """

    recorded: Result
    scores: metrics.Scores
    changed_predictions: int
    inference: tuple[InferenceTime, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """True if accuracy, macro-F1 and every prediction equal the recorded ones."""
        return not self.changed_predictions and (
            (self.scores.accuracy_percent, self.scores.macro_f1_percent)
            == (self.recorded.accuracy_percent, self.recorded.macro_f1_percent)
        )


def reproduce(
    result: Result, results: ResultsFolder, weights: Mapping[str, Tensor], dataset: Dataset, device: torch.device
) -> Reproduction:
    """Evaluate a complete result's stored weights on its test images, by its own pipeline and precision.

    Args:
        weights: as `checked_weights` returns them.

    Raises:
        InputError: the images differ, or the predictions are damaged or unreadable.
    """
    require_same_images(result, dataset)
    require_fitting_images(result.case.recipe, dataset)
    spec, place = dataset.spec, results.folder(result.case)
    if spec.num_classes != len(result.per_class):
        raise DamagedError(f"{place / RESULT} has {len(result.per_class)} classes, the images {spec.num_classes}")
    labels, predictions = results.read_predictions(result)
    if not labels.shape == predictions.shape == (len(dataset.test),):
        raise DamagedError(f"{place / PREDICTIONS} has no prediction for each of {len(dataset.test):,} test images")
    trainer = make_trainer(result.case, spec, device)
    for technique, reason in result.switched_off.items():
        trainer.switch_off(technique, reason)
    trainer.replace_weights(weights)
    found = trainer.evaluate(trainer.place(dataset.test, "test")).predictions
    scores = metrics.score(dataset.test.labels.numpy(), found, spec.class_names)
    changed = int(np.sum((found != predictions) | (dataset.test.labels.numpy() != labels)))
    meter = InferenceMeter(trainer, TrainingContext(), CoSchedulingMonitor())
    times = meter.measure(result.total_seconds) if result.inference else ()
    return Reproduction(result, scores, changed, times, tuple(meter.notes))


def require_same_images(result: Result, dataset: Dataset) -> None:
    """Raise an `InputError` if a result was trained on other images than the dataset's."""
    case = result.case
    if dataset.fingerprint != case.data_fingerprint:
        raise InputError(
            f"{case.label} was trained on other images: their SHA-256 is {case.data_fingerprint[:12]}, that of "
            f"{dataset.origin} is {dataset.fingerprint[:12]}{_difference(result, dataset)}"
        )


def _difference(result: Result, dataset: Dataset) -> str:
    """Return a line on the classes or numbers of images that differ from the result's; empty if none do."""
    before = [str(one.get("class_name")) for one in result.per_class]
    now = list(dataset.spec.class_names)
    if before and before != now:
        return f"\nthe classes differ in {listed_up_to(sorted({*before} ^ {*now}), MOST_NAMED, 'class')}"
    train, held_out = split_training(dataset.train, result.case)
    held_out_then = result.evaluation_images if result.case.val_split else 0
    then = (result.train_images + held_out_then, result.test_images)
    found = (len(train) + len(held_out or ()), len(dataset.test))
    if found == then:
        return ""
    return f"\nit has {found[0]:,} training and {found[1]:,} test images, the result had {then[0]:,} and {then[1]:,}"


def images_of(result: Result, settings: Settings, place: str | None = None) -> Dataset:
    """Load the images that a result's case was trained and tested on, from the data folder or the user's.

    Args:
        place: the present place of the user's own images, as ``folder:PATH``, ``csv:PATH``, ``npz:PATH`` or
            ``hf:PATH``, or as a path; None for the recorded one.

    Raises:
        InputError: the images are missing or damaged, or a place is given for a published dataset.
    """
    name = result.dataset
    if place is not None:
        if not is_own_images(name):
            raise InputError(
                f"--images {place}: {result.case.label} was not trained on your own images; give --data-dir"
            )
        name = place if is_own_images(place) else _at_path(place, prefix_of(name))
    elif is_own_images(name) and not is_present(own_path(name)):
        raise InputError(
            f"{result.case.label}: its images, {own_path(name)}, are not there any more\n"
            f"if they were moved or renamed, give their present place: --images {prefix_of(name)}PATH"
        )
    return load_images(name, result.mode, result.case.recipe.resize, settings.data_dir)


def _at_path(place: str, prefix: str) -> str:
    """Return the name of the user's own images at a path; never that of a dataset of Hugging Face's hub."""
    path = place.removeprefix(prefix)
    return name if is_own_images(name := f"{prefix}{path}") else f"{prefix}./{path}"


def load_images(dataset: str, mode: Mode, resize: Resize, data_dir: Path) -> Dataset:
    """Load a dataset as the cases of that mode see it.

    Args:
        resize: of the recipe; the user's images and those of a library are resized to it when they are loaded.

    Raises:
        InputError: the images are missing or damaged.
    """
    size = resize if is_resized(dataset) else None
    if mode == "quick":
        return registry.load_slice(dataset, data_dir, QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES, resize=size)
    return registry.load(dataset, data_dir, resize=size)


def device_of(result: Result, settings: Settings) -> torch.device:
    """Return the device to evaluate a result on: the settings', by default the kind that trained it.

    Raises:
        InputError: the device is not available or does not support the case's precision.
    """
    case = result.case
    device = resolve_device(case.device_kind if settings.device == "auto" else settings.device)
    resolve_precision(case.precision, device, case.pipeline)
    return device
