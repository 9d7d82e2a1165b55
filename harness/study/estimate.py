"""Estimated training times: a few steps of the real loop on random images, timed and scaled to epochs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from harness.config.case import Case, Pipeline
from harness.config.datasets import DatasetSpec
from harness.config.experiment import Experiment
from harness.config.families import OPERATIONS_PER_MAC
from harness.config.recipe import Recipe
from harness.config.settings import Settings
from harness.data.images import ImageSet, random_images
from harness.hardware.device import resolve_precision
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import model_of
from harness.models.cost import count_macs
from harness.models.identity import network_identity
from harness.models.smallest_batch import smallest_batch
from harness.results.disturbance import Disturbance
from harness.results.result import Result
from harness.results.timing import processes_of, timed_on
from harness.throughput.repetition import SESSION_SECONDS, Repetition, metered
from harness.training.trainers import make_trainer
from harness.training.trainers.trainer import Trainer

# A step is timed at the recipe's batch size if it costs at most this; else at the fewest images and at twice as many,
# which give the cost of a step and of an image.
_AFFORDABLE_OPERATIONS = 3e11
# On CUDA whole steps are always timed: one or two images take as long as a launch. Several follow each other, as in an
# epoch, if they cost at most this: about half a second of a large GPU.
_AFFORDABLE_ON_CUDA = 3e13
_STEPS_ON_CUDA = 10
_TIMINGS = 3  # at most
_TIMING_SECONDS = 10.0  # no further timing begins after this time
_EVALUATED = {"cpu": 256, "cuda": 4096}  # images at most; on a GPU several of its evaluation batches


class EpochKind(NamedTuple):
    """All that decides how long an epoch takes on one machine; the recipe is without its schedule."""

    dataset: str
    model: str
    recipe: Recipe
    train_fraction: float
    val_split: float

    @classmethod
    def of_case(cls, case: Case) -> "EpochKind":
        return cls(case.dataset, case.model, case.recipe.without_schedule, case.train_fraction, case.val_split)

    @classmethod
    def of(cls, experiment: Experiment, settings: Settings) -> "EpochKind":
        """Return the kind of an experiment's epochs, whose recipe is resolved."""
        variant, recipe = experiment.variant, experiment.resolved_recipe.without_schedule
        split = settings.val_split_of(variant)
        return cls(experiment.dataset, experiment.model, recipe, variant.train_fraction, split)


@dataclass(frozen=True)
class Estimate:
    """The expected time of an experiment: training plus evaluation, of one epoch and of all.

    Attributes:
        disturbance: that of the timed steps; None if they are not timed.
    """

    epoch_seconds: float
    epochs: int
    disturbance: Disturbance | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes that made the timed steps too slow, in words; empty if undisturbed."""
        return () if self.disturbance is None else self.disturbance.causes

    @property
    def total_seconds(self) -> float:
        return self.epoch_seconds * self.epochs


def estimate(
    experiment: Experiment,
    spec: DatasetSpec,
    train_images: int,
    evaluated_images: int,
    device: torch.device,
    precision: str,
    pipeline: Pipeline = "fast",
    *,
    deterministic: bool = False,
    repetition: Repetition | None = None,
) -> Estimate:
    """Time a few real steps of the experiment on random images and scale them to an epoch.

    Args:
        train_images, evaluated_images: in an epoch.
        precision: a value of ``--precision``; ``auto`` is resolved.
        deterministic: whether the steps use only kernels with the same bits in every run.
        repetition: it times disturbed steps again; None for a few seconds of repetition.

    Raises:
        InputError: the device does not support the precision.
    """
    recipe, model = experiment.resolved_recipe, experiment.network
    resolved = resolve_precision(precision, device, pipeline)
    network = network_identity(experiment.own, spec)
    case = replace(experiment, seed=0).bind(
        device_kind=device.type,
        precision=resolved,
        pipeline=pipeline,
        network=network,
        deterministic=deterministic,
    )
    macs = count_macs(model, spec.input_shape(recipe.image_size), spec.num_classes)
    trainer = make_trainer(case, spec, device)
    # Captures and verifies, as before a training; a CPU only verifies bf16. Too expensive a step is left out.
    if device.type == "cuda" or _operations(trainer, macs) <= _AFFORDABLE_OPERATIONS:
        trainer.warm_up(trainer.place(random_images(spec, recipe, min(recipe.batch_size, train_images))))

    def epoch_seconds() -> float:
        train_seconds = _training_seconds(trainer, spec, macs, train_images)
        return train_seconds + evaluated_images * _evaluation_seconds(trainer, spec, macs)

    repetition = repetition or Repetition(max_seconds=SESSION_SECONDS)
    seconds, disturbance = repetition.measure(
        f"{experiment.dataset} {experiment.model}", lambda: metered(device, epoch_seconds), lambda timed: timed[1:]
    )
    return Estimate(seconds, recipe.epochs, disturbance)


def _training_seconds(trainer: Trainer, spec: DatasetSpec, macs: int, train_images: int) -> float:
    """Time whole steps, or steps of fewer images at two batch sizes; return the seconds of an epoch."""
    batch_size = trainer.recipe.batch_size
    operations = _operations(trainer, macs)
    if trainer.device.type == "cuda":
        steps = max(1, min(_STEPS_ON_CUDA, int(_AFFORDABLE_ON_CUDA // operations)))
        return _step_seconds(trainer, spec, batch_size, steps) * train_images / batch_size
    if operations <= _AFFORDABLE_OPERATIONS:
        return _step_seconds(trainer, spec, batch_size) * train_images / batch_size
    fewest = smallest_batch(model_of(trainer.case), spec.input_shape(trainer.recipe.image_size), spec.num_classes)
    once, twice = _step_seconds(trainer, spec, fewest), _step_seconds(trainer, spec, 2 * fewest)
    image_seconds = max(twice - once, once / 10) / fewest  # on a busy machine twice may be measured as faster
    steps = -(-train_images // batch_size)
    return steps * max(0.0, once - fewest * image_seconds) + train_images * image_seconds


def _operations(trainer: Trainer, macs: int) -> int:
    """Return the operations of a step at the recipe's batch size."""
    return OPERATIONS_PER_MAC * macs * trainer.recipe.batch_size


def _step_seconds(trainer: Trainer, spec: DatasetSpec, batch_size: int, steps: int = 1) -> float:
    """Time one of a few steps in a row, loading included: the quickest timing, after one to warm up."""
    recipe, count = trainer.recipe, steps * batch_size
    trainer.recipe = replace(recipe, batch_size=batch_size)
    try:
        seconds = _seconds(
            trainer, spec, count, lambda images, watch: trainer.train_epoch(images, 0, watch), times=_TIMINGS
        )
    finally:
        trainer.recipe = recipe
    return seconds / steps


def _evaluation_seconds(trainer: Trainer, spec: DatasetSpec, macs: int) -> float:
    """Time the evaluation of one image, in seconds."""
    kind = trainer.device.type
    affordable = _AFFORDABLE_ON_CUDA if kind == "cuda" else _AFFORDABLE_OPERATIONS
    count = max(1, min(_EVALUATED.get(kind, 256), int(affordable / 4 // (2 * macs))))
    return _seconds(trainer, spec, count, lambda images, _: trainer.evaluate(images), times=1) / count


def _seconds(
    trainer: Trainer, spec: DatasetSpec, count: int, work: Callable[[ImageSet, Stopwatch], object], *, times: int
) -> float:
    """Time work on ``count`` random images: the quickest of ``times`` at most, after one to warm up.

    The reference pipeline first starts loader processes: their time cancels out between ``count`` and 3 ``count``.
    """

    def once(images: ImageSet) -> float:
        watch = Stopwatch(trainer.device)
        work(images, watch)
        return watch.total()

    def quickest(images: ImageSet) -> float:
        seconds = [once(images)]
        while len(seconds) < times and sum(seconds) < _TIMING_SECONDS:
            seconds.append(once(images))
        return min(seconds)

    images = trainer.place(random_images(spec, trainer.recipe, count))
    once(images)
    seconds = quickest(images)
    if trainer.case.pipeline == "fast":
        return seconds
    more = trainer.place(random_images(spec, trainer.recipe, 3 * count))
    return max(seconds / 10, (quickest(more) - seconds) / 2)


def recorded_epoch_seconds(
    experiment: Experiment,
    results: list[Result],
    device_kind: str,
    precision: str,
    pipeline: str = "fast",
    *,
    val_split: float = 0.0,
    deterministic: bool = False,
    compiled: bool = False,
    processes: str = "1 process",
) -> float | None:
    """Return the mean epoch time of the experiment's finished runs on this kind of device, if any.

    Runs of any seed and schedule count, with as many images trained and evaluated: their epochs take equally long.
    Quick runs count for quick experiments alone; co-scheduled runs, and runs resumed on another environment, do not.
    Disturbed epochs count only if all are disturbed. Of runs timed under different conditions (`timed_on`), those like
    the newest count.

    Args:
        val_split: the share of the training images that is held out, and evaluated after every epoch.
        processes: the processes that train together, as `processes_of` describes them.
    """
    conditions = (device_kind, precision, pipeline, deterministic, compiled)
    runs = [
        result
        for result in results
        if result.is_complete
        and not result.changes_between_attempts
        and not result.is_co_scheduled
        and (result.model, result.dataset) == (experiment.model, experiment.dataset)
        and (result.mode == "quick") == (experiment.mode == "quick")
        and _case_conditions(result) == conditions
        and processes_of(result.environment) == processes
        and result.case.recipe.image_size == experiment.resolved_recipe.image_size
        and (result.case.train_fraction, result.case.val_split) == (experiment.variant.train_fraction, val_split)
    ]
    if runs:
        newest = _timed_on(max(runs, key=lambda run: run.finished_at))
        runs = [run for run in runs if _timed_on(run) == newest]
    undisturbed = [second for run in runs for second in run.undisturbed_seconds()]
    seconds = undisturbed or [second for run in runs for second in run.epoch_seconds]
    return sum(seconds) / len(seconds) if seconds else None


def _case_conditions(result: Result) -> tuple[str, str, str, bool, bool]:
    case = result.case
    return case.device_kind, case.precision, case.pipeline, case.deterministic, case.compiled


def _timed_on(result: Result) -> str:
    return timed_on(result.training_environments[-1])
