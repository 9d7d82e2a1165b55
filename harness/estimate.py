"""How long an experiment will take on this device, from a few timed steps of the real loop on random images."""

from dataclasses import dataclass, replace

import torch

from harness.case import Case, Pipeline
from harness.cost import OPERATIONS_PER_MAC, count_macs
from harness.datasets.images import ImageSet, random_images
from harness.datasets.spec import DatasetSpec
from harness.device import Stopwatch, resolve_precision
from harness.experiment import Experiment
from harness.models import parse_model
from harness.pipelines import make_trainer
from harness.pipelines.trainer import Trainer
from harness.results import Result

# A step is timed at the recipe's batch size where it costs no more than this; else at one and two images, from which
# the cost of a step and that of an image follow.
_AFFORDABLE_OPERATIONS = 3e11
_TIMED_STEPS = 3


@dataclass(frozen=True)
class Estimate:
    """What an experiment is expected to take: training plus evaluation of one epoch, and of all."""

    epoch_seconds: float
    epochs: int

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
) -> Estimate:
    """Time a few real steps of the experiment on random images and scale them to an epoch.

    Args:
        train_images, evaluated_images: in an epoch.
        precision: as in the options; ``auto`` is resolved.

    Raises:
        InputError: the device does not have the precision.
    """
    recipe, model = experiment.recipe, parse_model(experiment.model)
    case = Case(
        model=experiment.model,
        dataset=experiment.dataset,
        recipe=recipe,
        seed=0,
        mode=experiment.mode,
        device_kind=device.type,
        precision=resolve_precision(precision, device, pipeline),
        data_fingerprint="",
        pipeline=pipeline,
    )
    macs = count_macs(model, (spec.channels, recipe.image_size, recipe.image_size), spec.num_classes)
    trainer = make_trainer(case, spec.channels, spec.num_classes, device)
    steps = -(-train_images // recipe.batch_size)
    if OPERATIONS_PER_MAC * macs * recipe.batch_size <= _AFFORDABLE_OPERATIONS:
        train_seconds = _step_seconds(trainer, spec, recipe.batch_size) * train_images / recipe.batch_size
    else:
        one, two = _step_seconds(trainer, spec, 1), _step_seconds(trainer, spec, 2)
        image_seconds = max(two - one, one / 10)  # on a busy machine two may come out the faster
        train_seconds = steps * max(0.0, one - image_seconds) + train_images * image_seconds
    return Estimate(train_seconds + evaluated_images * _evaluation_seconds(trainer, spec, macs), recipe.epochs)


def _step_seconds(trainer: Trainer, spec: DatasetSpec, batch_size: int) -> float:
    """Seconds of one step, loading included: after one to warm up, the quickest of a few.

    An epoch of the reference pipeline begins with starting its loader processes; its steps are what three batches take
    longer than one.
    """
    recipe = trainer.recipe
    trainer.recipe = replace(recipe, batch_size=batch_size)
    try:
        one, three = (trainer.place(random_images(spec, recipe, batches * batch_size)) for batches in (1, 3))
        _train_once(trainer, one)
        quickest = min(_train_once(trainer, one) for _ in range(_TIMED_STEPS))
        if trainer.case.pipeline == "fast":
            return quickest
        return max(quickest / 10, (min(_train_once(trainer, three) for _ in range(_TIMED_STEPS)) - quickest) / 2)
    finally:
        trainer.recipe = recipe


def _train_once(trainer: Trainer, images: ImageSet) -> float:
    watch = Stopwatch(trainer.device)
    trainer.train_epoch(images, 0, watch)
    return watch.total()


def _evaluation_seconds(trainer: Trainer, spec: DatasetSpec, macs: int) -> float:
    """Seconds of evaluating one image."""
    count = max(1, min(256, int(_AFFORDABLE_OPERATIONS / 4 // (2 * macs))))
    once, thrice = (trainer.place(random_images(spec, trainer.recipe, times * count)) for times in (1, 3))
    _evaluate_once(trainer, once)
    seconds = _evaluate_once(trainer, once)
    if trainer.case.pipeline == "fast":
        return seconds / count
    return max(seconds / 10, (_evaluate_once(trainer, thrice) - seconds) / 2) / count  # less the start of the loader


def _evaluate_once(trainer: Trainer, images: ImageSet) -> float:
    watch = Stopwatch(trainer.device)
    trainer.evaluate(images)
    return watch.total()


def recorded_epoch_seconds(
    experiment: Experiment, results: list[Result], device_kind: str, precision: str, pipeline: str = "fast"
) -> float | None:
    """The mean epoch time of the experiment's finished runs on this kind of device; None where there are none.

    Runs of any seed and any number of epochs count: an epoch takes as long in each. Quick runs count among themselves.
    """
    seconds = [
        second
        for result in results
        if result.is_complete
        and (result.model, result.dataset) == (experiment.model, experiment.dataset)
        and (result.mode == "quick") == (experiment.mode == "quick")
        and (result.case.device_kind, result.case.precision, result.case.pipeline) == (device_kind, precision, pipeline)
        and result.case.recipe.image_size == experiment.recipe.image_size
        for second in result.epoch_seconds
    ]
    return sum(seconds) / len(seconds) if seconds else None
