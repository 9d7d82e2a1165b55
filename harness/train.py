"""Training a case to completion: epoch after epoch, each recorded, and what it came to. Knows nothing of pytest."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from harness import metrics
from harness.case import Case
from harness.cost import count_macs, count_parameters
from harness.datasets.images import ImageSet
from harness.datasets.library import Dataset
from harness.datasets.split import split_validation
from harness.device import Stopwatch
from harness.environment import PeakMemory, describe_environment
from harness.models import parse_model
from harness.networks import build_network
from harness.pipelines import make_trainer
from harness.pipelines.trainer import Evaluation, Trainer
from harness.results import SCHEMA_VERSION, EpochRecord, Result, ResultsFolder, Status


class Listener:
    """Who wants to know how far training is; this one does nothing about it."""

    def on_warm_up(self, case: Case) -> None:
        """The case's training begins; where it compiles its network, that comes first."""

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
        self.started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.started = time.perf_counter()
        self.memory = PeakMemory(device)
        self.compile_seconds = 0.0
        self.records: list[EpochRecord] = []
        self.trainer: Trainer | None = None
        self.last: Evaluation | None = None
        self.best_weights: dict[str, Tensor] | None = None
        train_images, self.validation = dataset.train, None
        if case.val_split:
            train_images, self.validation = split_validation(dataset.train, case.val_split)
        self.train_images, self.test_images = train_images, dataset.test

    @property
    def evaluated(self) -> ImageSet:
        """The images that every epoch ends with."""
        return self.test_images if self.validation is None else self.validation

    def train_epochs(self) -> Status:
        """Every epoch of the recipe, or as many as there are before the loss is no longer a number."""
        spec = self.dataset.spec
        self.trainer = make_trainer(self.case, spec.channels, spec.num_classes, self.device)
        self.train_images, self.test_images = map(self.trainer.place, (self.train_images, self.test_images))
        self.validation = self.validation and self.trainer.place(self.validation)
        self.listener.on_warm_up(self.case)
        watch = Stopwatch(self.device)
        with watch.part("compile"):
            self.trainer.warm_up(len(self.train_images))
        self.compile_seconds = watch.seconds["compile"]
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
            compile_seconds=self.compile_seconds,
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
