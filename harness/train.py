"""Training a case to completion: the loop, and nothing that it does not need. Knows nothing of pytest.

All of an epoch's randomness (order, augmentation) comes from the case's seed and the epoch's number through private
generators, the initial weights from the seed: the same case on the same hardware ends with the same weights.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from harness import metrics
from harness.augment import augment, draw, prepare
from harness.case import Case
from harness.cost import count_macs, count_parameters
from harness.datasets.images import ImageSet
from harness.datasets.library import Dataset
from harness.datasets.split import split_validation
from harness.device import Stopwatch, autocast, computing_at
from harness.environment import PeakMemory, describe_environment
from harness.models import parse_model
from harness.networks import build_network
from harness.recipes import Recipe
from harness.results import SCHEMA_VERSION, EpochRecord, Result, ResultsFolder, Status

# Images are augmented some batches ahead, in chunks of about this many bytes of float32: the parts of an epoch can then
# be timed with few synchronisations, and memory stays bounded.
_CHUNK_BYTES = 16 * 2**20
_EVALUATION_BATCH_SIZE = 500


class Listener:
    """Who wants to know how far training is; this one does nothing about it."""

    def on_progress(self, case: Case, epoch: int, share: float) -> None:
        """Epoch ``epoch`` (from 1) has trained ``share`` (0 to 1) of its images."""

    def on_epoch(self, case: Case, record: EpochRecord) -> None:
        """An epoch is finished and recorded."""


def train(
    case: Case,
    dataset: Dataset,
    results: ResultsFolder,
    device: torch.device,
    *,
    rerun: bool = False,
    dataset_verified: bool | None = None,
    listener: Listener | None = None,
) -> Result:
    """The case's result: read from the results folder if it is finished there, else trained and recorded.

    Divergence and lack of memory are results too. Any other failure is recorded as ``failed`` and raised.

    Args:
        rerun: train again what is finished.
        dataset_verified: whether the images are known to be the published ones; recorded, not checked here.

    Raises:
        InputError: the results folder cannot be written to.
        ValueError: the case is of another dataset than the images.
    """
    if case.data_fingerprint != dataset.fingerprint:
        raise ValueError(f"{case.label} is bound to other images than the ones given")
    finished = None if rerun else results.find(case)
    if finished is not None and finished.is_finished:
        return replace(finished, case=case, dataset=case.dataset)  # a user's folder may lie elsewhere by now
    results.begin(case)
    run = _Run(case, dataset, results, device, listener or Listener(), dataset_verified)
    try:
        status: Status = run.train_epochs()
        return run.finish(status, cause="the loss is no longer a number" if status == "diverged" else None)
    except Exception as error:
        if is_out_of_memory(error):
            return run.finish("out_of_memory", cause=str(error).partition("\n")[0] or "out of memory")
        run.finish("failed", cause=f"{type(error).__name__}: {error}")
        raise


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error is lack of memory; torch's CPU allocator says so in a RuntimeError's words only."""
    words = ("can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(word in str(error) for word in words)


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """The generator of all of an epoch's randomness; epochs counted from 0."""
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def chunk_size(recipe: Recipe, channels: int) -> int:
    """Images augmented at a time: whole batches, about 16 MiB of float32."""
    batch_bytes = recipe.batch_size * channels * recipe.image_size**2 * 4
    return recipe.batch_size * max(1, _CHUNK_BYTES // batch_bytes)


@dataclass(frozen=True)
class Evaluation:
    """A set of images evaluated: mean loss, accuracy, and the predicted class of each image, (N,)."""

    loss: float
    accuracy_percent: float
    predictions: NDArray[np.int64]


class Trainer:
    """A network in training: its weights, its optimizer, and one epoch at a time."""

    def __init__(self, case: Case, in_channels: int, num_classes: int, device: torch.device) -> None:
        self.case = case
        self.recipe = case.recipe
        self.device = device
        network = build_network(
            parse_model(case.model), in_channels, num_classes, seed=case.seed, shortcut=case.shortcut
        )
        self.network: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=self.recipe.learning_rate,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
            nesterov=self.recipe.nesterov,
        )

    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, tell: Callable[[float], None] = lambda _: None
    ) -> tuple[float, float]:
        """Train epoch ``epoch``, counted from 0, over every image once: its mean loss and its accuracy in percent.

        The device is not waited for but at the end of every chunk and of the epoch.

        Args:
            watch: is given the seconds of loading and of training.
            tell: is told after every chunk which share of the images is trained.
        """
        self._set_learning_rate(epoch)
        self.network.train()
        generator = epoch_generator(self.case.seed, epoch)
        order = torch.randperm(len(images), generator=generator)
        parameters = draw(self.recipe.augmentation, len(images), self.recipe.image_size, generator)
        loss_sum = torch.zeros((), device=self.device, dtype=_sum_dtype(self.device))
        correct = torch.zeros((), device=self.device, dtype=torch.int64)
        step = chunk_size(self.recipe, len(self.recipe.augmentation.mean))
        for start in range(0, len(images), step):
            with watch.part("load"):
                chosen = images.select(order[start : start + step])
                drawn = parameters[start : start + step].to(images.labels.device)
                inputs = augment(chosen.pixels, drawn, self.recipe.augmentation, self.recipe.image_size).to(self.device)
                targets = chosen.labels.to(self.device)
            with watch.part("train"):
                for batch, labels in _batches(inputs, targets, self.recipe.batch_size):
                    loss, logits = self.step(batch, labels)
                    loss_sum += loss * len(labels)
                    correct += (logits.argmax(1) == labels).sum()
            tell(min(1.0, (start + step) / len(images)))
        return loss_sum.item() / len(images), metrics.accuracy_percent(int(correct.item()), len(images))

    def step(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One optimizer step on one batch: its mean loss and its logits, detached."""
        self.optimizer.zero_grad(set_to_none=True)
        with computing_at(self.case.precision):
            with autocast(self.case.precision, self.device):
                logits = self.network(batch)
                loss = functional.cross_entropy(logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach(), logits.detach()

    @torch.inference_mode()
    def evaluate(self, images: ImageSet) -> Evaluation:
        """Loss, accuracy and predictions on images that only get the deterministic part of the augmentation."""
        self.network.eval()
        loss_sum = torch.zeros((), device=self.device, dtype=_sum_dtype(self.device))
        predictions = []
        for start in range(0, len(images), _EVALUATION_BATCH_SIZE):
            chosen = images.select(torch.arange(start, min(start + _EVALUATION_BATCH_SIZE, len(images))))
            inputs = prepare(chosen.pixels, self.recipe.augmentation, self.recipe.image_size).to(self.device)
            targets = chosen.labels.to(self.device)
            with computing_at(self.case.precision), autocast(self.case.precision, self.device):
                logits = self.network(inputs.contiguous(memory_format=torch.channels_last))
                loss_sum += functional.cross_entropy(logits, targets, reduction="sum")
            predictions.append(logits.argmax(1))
        predicted = torch.cat(predictions).cpu()
        correct = int((predicted == images.labels.cpu()).sum())
        return Evaluation(
            loss_sum.item() / len(images),
            metrics.accuracy_percent(correct, len(images)),
            predicted.numpy(),
        )

    def _set_learning_rate(self, epoch: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate_at(epoch)

    def weights(self) -> dict[str, Tensor]:
        """A copy of the weights and BatchNorm statistics, on the CPU."""
        return {
            name: value.detach().to("cpu", copy=True).contiguous() for name, value in self.network.state_dict().items()
        }


def image_device(device: torch.device) -> torch.device:
    """Where images are kept and augmented: on the device, unless it lacks the float64 that augmentation needs."""
    return torch.device("cpu") if device.type == "mps" else device


def _sum_dtype(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64


def _batches(inputs: Tensor, labels: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(labels), batch_size):
        batch = inputs[start : start + batch_size].contiguous(memory_format=torch.channels_last)
        yield batch, labels[start : start + batch_size]


class _Run:
    """A case being trained: what has been recorded of it so far."""

    def __init__(
        self,
        case: Case,
        dataset: Dataset,
        results: ResultsFolder,
        device: torch.device,
        listener: Listener,
        dataset_verified: bool | None,
    ) -> None:
        self.case, self.dataset, self.results, self.device, self.listener = case, dataset, results, device, listener
        self.dataset_verified = dataset_verified
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.started = time.perf_counter()
        self.memory = PeakMemory(device)
        self.records: list[EpochRecord] = []
        self.trainer: Trainer | None = None
        self.last: Evaluation | None = None
        self.best_weights: dict[str, Tensor] | None = None
        train_images, self.validation = dataset.train, None
        if case.val_split:
            train_images, self.validation = split_validation(dataset.train, case.val_split)
        self.train_images, self.test_images = train_images, dataset.test
        self.evaluated = self.test_images if self.validation is None else self.validation

    def train_epochs(self) -> Status:
        """Every epoch of the recipe, or as many as there are before the loss is no longer a number."""
        spec = self.dataset.spec
        place = image_device(self.device)
        self.train_images, self.test_images, self.evaluated = (
            images.to(place) for images in (self.train_images, self.test_images, self.evaluated)
        )
        self.trainer = Trainer(self.case, spec.channels, spec.num_classes, self.device)
        for epoch in range(self.case.recipe.epochs):
            record = self._train_one(self.trainer, epoch)
            self.records.append(record)
            self.results.append_epoch(self.case, record)
            self.listener.on_epoch(self.case, record)
            if not record.is_finite:
                return "diverged"
            if self.validation is not None and record is self._best():
                self.best_weights = self.trainer.weights()
        return "complete"

    def _train_one(self, trainer: Trainer, epoch: int) -> EpochRecord:
        watch = Stopwatch(self.device)
        tell = partial(self.listener.on_progress, self.case, epoch + 1)
        loss, accuracy = trainer.train_epoch(self.train_images, epoch, watch, tell)
        with watch.part("evaluate"):
            self.last = trainer.evaluate(self.evaluated)
        epoch_seconds = watch.total()
        return EpochRecord(
            epoch=epoch + 1,
            learning_rate=self.case.recipe.learning_rate_at(epoch),
            train_loss=loss,
            train_accuracy_percent=accuracy,
            evaluation_loss=self.last.loss,
            evaluation_accuracy_percent=self.last.accuracy_percent,
            load_seconds=watch.seconds["load"],
            train_seconds=watch.seconds["train"],
            evaluate_seconds=watch.seconds["evaluate"],
            checkpoint_seconds=0.0,
            epoch_seconds=epoch_seconds,
        )

    def _best(self) -> EpochRecord:
        """The epoch of the highest evaluation accuracy, the first where several have it."""
        return max(self.records, key=lambda record: record.evaluation_accuracy_percent)

    def finish(self, status: Status, cause: str | None) -> Result:
        """Write what there is: predictions and weights of a complete case, and the result."""
        result = self._result(status, cause)
        if status == "complete":
            result = replace(result, **self._finish_complete(result.total_seconds))
        result = replace(result, wall_seconds=time.perf_counter() - self.started)
        self.results.write_result(self.case, result)
        return result

    def _finish_complete(self, total_seconds: float) -> dict[str, Any]:
        assert self.trainer is not None
        assert self.last is not None
        final = self.last if self.validation is None else self.trainer.evaluate(self.test_images)
        labels = self.dataset.test.labels.numpy()
        scores = metrics.score(labels, final.predictions, self.dataset.spec.class_names)
        weights = self.trainer.weights()
        self.results.write_predictions(self.case, labels, final.predictions)
        self.results.write_weights(self.case, lambda path: save_file(weights, path))
        best = self._best()
        best_accuracy = best.evaluation_accuracy_percent
        if self.best_weights is not None:
            self.trainer.network.load_state_dict(self.best_weights)
            best_accuracy = self.trainer.evaluate(self.test_images).accuracy_percent
        return {
            "accuracy_percent": scores.accuracy_percent,
            "best_accuracy_percent": best_accuracy,
            "best_epoch": best.epoch,
            "macro_f1_percent": scores.macro_f1_percent,
            "marginal_gain": metrics.marginal_gain(scores.accuracy_percent, total_seconds),
            **scores.to_json(),
        }

    def _result(self, status: Status, cause: str | None) -> Result:
        """The result as far as it does not need the predictions."""
        case, spec = self.case, self.dataset.spec
        model, size = parse_model(case.model), case.recipe.image_size
        train_seconds = sum(record.load_seconds + record.train_seconds for record in self.records)
        total_seconds = sum(record.epoch_seconds for record in self.records)
        trained = len(self.train_images) * len(self.records)
        return Result(
            schema_version=SCHEMA_VERSION,
            status=status,
            mode=case.mode,
            case=case,
            model=case.model,
            dataset=case.dataset,
            seed=case.seed,
            params=count_parameters(
                build_network(model, spec.channels, spec.num_classes, seed=0, shortcut=case.shortcut, device="meta")
            ),
            macs=count_macs(model, (spec.channels, size, size), spec.num_classes, case.shortcut),
            accuracy_percent=None,
            best_accuracy_percent=None,
            best_epoch=None,
            macro_f1_percent=None,
            epochs=len(self.records),
            epoch_seconds=tuple(record.epoch_seconds for record in self.records),
            train_seconds=train_seconds,
            eval_seconds=sum(record.evaluate_seconds for record in self.records),
            total_seconds=total_seconds,
            wall_seconds=0.0,
            marginal_gain=None,
            images_per_second=trained / train_seconds if train_seconds else None,
            peak_memory_bytes=self.memory.bytes(),
            train_images=len(self.train_images),
            evaluation_images=len(self.evaluated),
            test_images=len(self.test_images),
            dataset_origin=self.dataset.origin,
            dataset_verified=self.dataset_verified,
            dataset_whole=self.dataset.is_whole,
            stand_in=self.dataset.is_stand_in,
            environment=describe_environment(self.device, case.precision),
            started_at=self.started_at,
            cause=cause,
        )


def load_weights(path: Path, network: nn.Module) -> None:
    """Put a case's stored weights into a network of its model."""
    network.load_state_dict(load_file(path))
