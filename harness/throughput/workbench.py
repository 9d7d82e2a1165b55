"""The workbench: takes and records measurements on the settings' device. Knows nothing of pytest."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from harness.config.case import Case
from harness.config.datasets import SPECS, DatasetSpec
from harness.config.experiment import Experiment
from harness.config.families import parse_model
from harness.config.recipe import Recipe
from harness.config.recipes import PUBLISHED_RECIPES
from harness.config.settings import Settings
from harness.data import registry
from harness.errors import InputError
from harness.files import require_writable
from harness.hardware.device import Precision, computes_bf16, resolve_device, resolve_precision, slowness_of
from harness.results.folder import ResultsFolder
from harness.throughput.augmentation import CPU, compare_augmentation
from harness.throughput.comparison import compare_pipelines
from harness.throughput.equivalence import compare_accuracies
from harness.throughput.gradient_norms import GradientNorms
from harness.throughput.gradients import measure_gradients
from harness.throughput.measurements import (
    AugmentationComparison,
    Equivalence,
    Measurement,
    Scaling,
)
from harness.throughput.pipelines import PipelineComparison
from harness.throughput.record import Recorded, record
from harness.throughput.scaling import measure_scaling
from harness.training.environment import describe_environment
from harness.training.trainers.compilation import should_compile


class Workbench:
    """The measurements of one session: taken on the settings' device, recorded in the results folder.

    Attributes:
        recorded: the measurements so far.
    """

    def __init__(self, settings: Settings, notify: Callable[[str], None] = lambda _: None) -> None:
        """Check the settings before anything is measured.

        Args:
            notify: callback that receives a line about each step of a measurement.

        Raises:
            InputError: the device is absent or lacks the precision, a folder is not writable, or the settings ask for
                one pipeline only.
        """
        if settings.pipeline != "fast":
            raise InputError(f"--pipeline {settings.pipeline}: measurements compare both; leave out --pipeline")
        for name, folder in (("results-dir", settings.results_dir), ("report-dir", settings.report_dir)):
            require_writable(folder, f"--{name}")
        self.settings, self.notify = settings, notify
        self.device = resolve_device(settings.device)
        self.precision = resolve_precision(settings.precision, self.device)
        self.recorded: list[Recorded] = []
        if note := slowness_of(self.precision, self.device):
            notify(note)

    def compare_pipelines(self, dataset: str, model: str) -> list[PipelineComparison]:
        """Measure both pipelines and a plain loop; return a comparison for each precision.

        They train on images of the dataset's shape. The fast pipeline is set up as for the study's full training.
        """
        recipe, spec = _recipe_of(dataset), SPECS[dataset]
        case = self._case(model, spec, recipe, spec.train_images)
        cases = [replace(case, precision=one) for one in precisions_to_compare(self.settings.precision, self.device)]
        comparisons = compare_pipelines(cases, spec, self.device, notify=self.notify)
        for comparison in comparisons:
            self._keep(comparison, self.device, comparison.precision)
        return comparisons

    def compare_augmentation(self, dataset: str) -> AugmentationComparison:
        """Measure the dataset's augmentation, batched and image by image, always on the CPU."""
        self.notify(f"augmenting in batches and image by image, {dataset}'s recipe")
        recipe = _recipe_of(dataset)
        images = 2048 if recipe.image_size < 100 else 128
        comparison = compare_augmentation(SPECS[dataset], recipe, images=images, notify=self.notify)
        self._keep(comparison, CPU, "fp32")
        return comparison

    def measure_scaling(self, axis: str) -> Scaling:
        """Measure how time and memory of the fast pipeline grow along an axis.

        Raises:
            InputError: a point could not be measured.
        """
        scaling = measure_scaling(axis, self.device, self.precision, notify=self.notify)
        self._keep(scaling, self.device, self.precision)
        return scaling

    def compare_accuracies(
        self, dataset: str, model: str, seeds: Sequence[int], *, epochs: int | None = None, images: int | None = None
    ) -> Equivalence:
        """Train with each seed on both pipelines and compare final accuracies.

        The results are written to ``equivalence/`` in the results folder.

        Args:
            epochs: instead of the recipe's.
            images: number of training images to use, with a third as many test images; None for the whole dataset.

        Raises:
            InputError: the dataset is absent, or a training did not complete.
        """
        data_dir, recipe = self.settings.data_dir, _recipe_of(dataset)
        if registry.locate(dataset, data_dir) is None:
            raise InputError(f"dataset {dataset} is not in {data_dir}: {registry.how_to_get(dataset, data_dir)}")
        loaded = (
            registry.load(dataset, data_dir)
            if images is None
            else registry.load_slice(dataset, data_dir, images, images // 3)
        )
        recipe = recipe.with_epochs(epochs or recipe.epochs)
        case = self._case(model, loaded.spec, recipe, len(loaded.train), data_fingerprint=loaded.fingerprint)
        case = replace(case, mode="shortened" if epochs else "full")
        results = ResultsFolder(self.settings.results_dir / "equivalence")
        equivalence = compare_accuracies(case, loaded, seeds, results, self.device, notify=self.notify)
        self._keep(equivalence, self.device, self.precision)
        return equivalence

    def measure_gradients(self, dataset: str, model: str) -> GradientNorms:
        """Measure the gradient norm of every layer, at initialisation and after an epoch; always at fp32.

        Raises:
            InputError: the dataset is absent.
        """
        recipe, loaded = _recipe_of(dataset), registry.load(dataset, self.settings.data_dir)
        case = self._case(model, loaded.spec, recipe, len(loaded.train), data_fingerprint=loaded.fingerprint)
        norms = measure_gradients(replace(case, precision="fp32"), loaded, self.device)
        self._keep(norms, self.device, "fp32")
        return norms

    def _case(
        self, model: str, spec: DatasetSpec, recipe: Recipe, train_images: int, data_fingerprint: str = ""
    ) -> Case:
        """Return the fast pipeline's full training of a model, compiled if the settings say so.

        Raises:
            InputError: the model is unknown, or is a user's own.
        """
        if not isinstance(model, str):
            raise InputError(f"model {model!r}: measurements take names of the harness's networks, e.g. 'resnet20'")
        return Experiment(spec.name, model, 0, recipe, "full").bind(
            device_kind=self.device.type,
            precision=self.precision,
            data_fingerprint=data_fingerprint,
            compiled=should_compile(
                self.settings.compile, parse_model(model), spec, recipe, train_images, self.device, self.precision
            ),
        )

    def _keep(self, measurement: Measurement, device: torch.device, precision: str) -> None:
        self.recorded.append(record(self.settings.results_dir, measurement, describe_environment(device, precision)))


def precisions_to_compare(name: str, device: torch.device) -> list[Precision]:
    """Return the precisions to compare pipelines at: the named one; for ``auto`` fp32, and bf16 beside it.

    bf16 is left out on a device that does not compute it in hardware.

    Raises:
        InputError: the name is unknown, or the device does not support the precision.
    """
    if name != "auto":
        return [resolve_precision(name, device)]
    return ["fp32", "bf16"] if computes_bf16(device) else ["fp32"]


def _recipe_of(dataset: str) -> Recipe:
    """Return a dataset's recipe.

    Raises:
        InputError: the dataset has none that measurements know.
    """
    if dataset not in PUBLISHED_RECIPES:
        raise InputError(f"dataset {dataset!r}: measurements know {', '.join(PUBLISHED_RECIPES)}; give one of them")
    return PUBLISHED_RECIPES[dataset]
