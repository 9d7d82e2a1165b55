"""The subject of the checks: a case on random images, and the device that trains it."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.config.case import Case
from harness.config.datasets import SPECS, DatasetSpec
from harness.config.families import parse_model
from harness.config.recipe import Recipe
from harness.config.recipes import PUBLISHED_RECIPES
from harness.data.images import ImageSet, fingerprint, random_images
from harness.data.registry import Dataset
from harness.errors import InputError
from harness.hardware.stopwatch import Stopwatch
from harness.training.trainers.fast import FastTrainer

# At the published rate of 0.1, a change in the last bit grows to 2 % of the weights within four steps; at this one, to
# less than 1 % of their change, so that a fault is seen.
_LEARNING_RATE = 0.001
_FULL_BATCHES, _LAST_BATCH = 3, 5  # of an epoch: a partial last batch has a captured step of its own


@dataclass(frozen=True)
class Subject:
    """A short case on random images, with the device that the checks train it on.

    Attributes:
        case: the case at fp32, neither compiled nor of any images; checks vary it.
        rounds: rounds of a timing.
        steps: steps of a round.
        augmented_images: images of each dataset's shape that are augmented; an eighth of them for large ones.
        limits_mib: limits of a CPU's memory, in MiB beyond what a new process has, that the case is trained at.
    """

    device: torch.device
    case: Case
    spec: DatasetSpec
    rounds: int = 3
    steps: int = 2
    augmented_images: int = 64
    limits_mib: tuple[int, ...] = (64, 192)

    @property
    def is_cuda(self) -> bool:
        """True on an NVIDIA GPU."""
        return self.device.type == "cuda"

    @property
    def recipe(self) -> Recipe:
        """The case's recipe."""
        return self.case.recipe

    @functools.cached_property
    def images(self) -> ImageSet:
        """The training images: full batches and a partial one, on the CPU."""
        return random_images(self.spec, self.recipe, _FULL_BATCHES * self.recipe.batch_size + _LAST_BATCH)

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The images as a dataset, for `train`."""
        test = self.images.select(torch.arange(self.recipe.batch_size))
        return Dataset(self.spec, self.images, test, "random images", fingerprint(self.images, test))

    def case_with(self, **changes: object) -> Case:
        """Return the case, bound to the images, with some fields changed."""
        return replace(self.case, data_fingerprint=self.dataset.fingerprint, **changes)  # type: ignore[arg-type]

    def trainer(self, *, is_captured: bool = True, **changes: object) -> FastTrainer:
        """Return a new trainer of the case with some fields changed, whose steps are captured where CUDA can."""
        trainer = FastTrainer(self.case_with(**changes), self.spec, self.device)
        if not is_captured and trainer.device.type == "cuda":
            trainer.switch_off("capture", "the checks compare eager steps")
        return trainer

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return one full batch on the device: images (N, C, S, S), channels_last, and labels (N,)."""
        size, count = self.recipe.image_size, self.recipe.batch_size
        images = torch.randn(
            count, self.spec.channels, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float32
        ).to(self.device, memory_format=torch.channels_last)
        return images, self.images.labels[:count].to(self.device)

    @functools.cached_property
    def _start(self) -> dict[str, Tensor]:
        """The weights and statistics before training."""
        return self.trainer().weights()

    def difference(self, first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> float:
        """Return the difference of two trained states relative to the second's distance from the start.

        It is the larger of the weights' and of BatchNorm's statistics'; infinite if they took other numbers of steps.
        """
        counters = [name for name, value in first.items() if not value.is_floating_point()]
        if any(not torch.equal(first[name], second[name]) for name in counters):
            return math.inf
        statistics = [name for name in first if "running_" in name]
        weights = [name for name in first if name not in counters and name not in statistics]
        return max(
            _relative([(first[name], second[name], self._start[name]) for name in names])
            for names in (weights, statistics)
            if names
        )

    def trained(self, trainer: FastTrainer, epochs: range = range(1)) -> dict[str, Tensor]:
        """Train the epochs after a warm-up; return the weights and statistics.

        Raises:
            RuntimeError: the warm-up switched a technique off.
        """
        placed = self.warmed_up(trainer)
        for epoch in epochs:
            trainer.train_epoch(placed, epoch, Stopwatch(self.device))
        return trainer.weights()

    def warmed_up(self, trainer: FastTrainer) -> ImageSet:
        """Run the trainer's warm-up; return its training images, placed.

        Raises:
            RuntimeError: the warm-up switched a technique off.
        """
        before = set(trainer.switched_off)
        placed = trainer.place(self.images)
        trainer.warm_up(placed)
        for technique in trainer.switched_off.keys() - before:
            raise RuntimeError(f"{technique} was switched off: {trainer.switched_off[technique]}")
        return placed


def make_subject(device: torch.device, dataset: str, model: str) -> Subject:
    """Return the subject of a model on images of a dataset's shape, in the published recipe's batches.

    Raises:
        InputError: the dataset has no published recipe, or there is no such model.
    """
    if dataset not in PUBLISHED_RECIPES:
        raise InputError(f"dataset {dataset!r}: the checks know {', '.join(PUBLISHED_RECIPES)}; give one of them")
    recipe = replace(PUBLISHED_RECIPES[dataset], epochs=2, milestones=(1,), learning_rate=_LEARNING_RATE)
    case = Case(parse_model(model).name, dataset, recipe, 0, "shortened", device.type, "fp32", "")
    subject = Subject(device, case, SPECS[dataset])
    return replace(subject, rounds=5, steps=50) if subject.is_cuda else subject


def has_same_bits(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    """Return whether two states are equal in every bit."""
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def _relative(pairs: Sequence[tuple[Tensor, Tensor, Tensor]]) -> float:
    """Return ‖first − second‖ ÷ ‖second − start‖ over tensors (first, second, start); NaN if one has NaN."""
    apart = sum(float((one - other).double().square().sum()) for one, other, _ in pairs)
    moved = sum(float((other - start).double().square().sum()) for _, other, start in pairs)
    return math.sqrt(apart / moved) if apart else 0.0
