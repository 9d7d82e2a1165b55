"""A training job: a case with the images, the folder and the device that it is trained with."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch

from harness.config.case import Case, Mode
from harness.config.datasets import is_own_images
from harness.config.recipe import check_recipe
from harness.data.images import ImageSet
from harness.data.registry import Dataset
from harness.data.split import split_training
from harness.errors import InputError
from harness.hardware.device import resolve_precision
from harness.models.build import model_of
from harness.models.smallest_batch import smallest_batch
from harness.results.folder import ResultsFolder
from harness.text import count_noun, listed
from harness.training.context import TrainingContext
from harness.training.trainers.trainer import SetName


@dataclass(frozen=True)
class TrainingJob:
    """A case with all that it is trained with.

    Attributes:
        results: the folder that holds the case's own folder.
        context: see `TrainingContext`.
    """

    case: Case
    dataset: Dataset
    results: ResultsFolder
    device: torch.device
    context: TrainingContext

    @property
    def folder(self) -> Path:
        """The case's own folder."""
        return self.results.folder(self.case)

    def notify(self, text: str) -> None:
        """Report a notice on the case to the callback."""
        self.context.callback.on_notice(self.case, text)

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which an OSError becomes an `InputError` that says what to do."""
        return self.results.writing(self.case)


@dataclass(frozen=True)
class CaseImages:
    """A case's images by their use.

    Attributes:
        validation: held out of the training images; None without a validation split.
    """

    train: ImageSet
    test: ImageSet
    validation: ImageSet | None = None

    @classmethod
    def of(cls, job: TrainingJob) -> "CaseImages":
        """Return the job's images, split as its case says."""
        train, validation = split_training(job.dataset.train, job.case)
        return cls(train, job.dataset.test, validation)

    @property
    def evaluated(self) -> ImageSet:
        """The images that are evaluated after every epoch."""
        return self.test if self.validation is None else self.validation

    def placed(self, place: Callable[[ImageSet, SetName], ImageSet]) -> "CaseImages":
        """Return all sets as ``place`` returns them, called with each set and its name."""
        validation = self.validation and place(self.validation, "validation")
        return CaseImages(place(self.train, "train"), place(self.test, "test"), validation)


def require_trainable(case: Case, dataset: Dataset, device: torch.device) -> None:
    """Check that a case has valid fields, and is for these images and this device.

    Raises:
        InputError: a field is wrong. The message names it and the right one.
    """
    check_recipe(case.recipe)
    if case.mode not in (modes := get_args(Mode)):
        raise InputError(f"mode {case.mode!r}: give one of {', '.join(modes)}")
    if not isinstance(case.seed, int) or case.seed < 0:
        raise InputError(f"seed {case.seed!r}: give a whole number, 0 or more")
    name = dataset.spec.name
    has_moved = is_own_images(case.dataset) and is_own_images(name)  # a user's folder may have
    if case.dataset != name and not has_moved:
        raise InputError(f"the case's dataset is {case.dataset}, the images given are {name}")
    if case.data_fingerprint != dataset.fingerprint:
        wrong, right = case.data_fingerprint[:12], dataset.fingerprint[:12]
        raise InputError(f"{case.label} is bound to other images ({wrong}) than the ones given ({right})")
    if case.device_kind != device.type:
        raise InputError(f"the case's device_kind is {case.device_kind!r}, the device given is {device}")
    if (precision := resolve_precision(case.precision, device, case.pipeline)) != case.precision:
        raise InputError(f"the case's precision is {case.precision!r}: give {precision!r}")
    require_no_batch_of_one(case, dataset)


def require_no_batch_of_one(case: Case, dataset: Dataset) -> None:
    """Check that no batch of an epoch is too small for BatchNorm at the case's image size.

    Args:
        dataset: its training images are all: the case's validation split and share are still to be made.

    Raises:
        InputError: a batch has a single image.
    """
    batch_size, trained = case.recipe.batch_size, len(split_training(dataset.train, case)[0])
    if (trained % batch_size or batch_size) > 1:
        return
    spec = dataset.spec
    if smallest_batch(model_of(case), spec.input_shape(case.recipe.image_size), spec.num_classes) == 1:
        return
    given = {"--val-split": case.val_split, "--train-fraction": case.train_fraction % 1}
    options = [name for name, share in given.items() if share]
    split = f" that {listed([f'{name} {given[name]:g}' for name in options])} leaves" if options else ""
    last = "" if batch_size == 1 else "last "
    raise InputError(
        f"{case.label}: the {count_noun(trained, 'image')}{split}, in batches of {batch_size}, have a {last}batch of "
        "one, from which BatchNorm cannot learn at this image size\ngive the recipe another batch_size"
        f"{''.join(f', or another {name}' for name in options) if batch_size > 1 else ''}"
    )
