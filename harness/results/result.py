"""The measurements of a case as values: epoch records, attempts, the result, and every field's range."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from harness.config.case import Case, Mode
from harness.config.families import Model, parse_model
from harness.credentials import without_credentials
from harness.files import with_sha256
from harness.results.disturbance import Disturbance, was_disturbed
from harness.results.forms import ClassEntry, Environment
from harness.results.inference_time import LATENCY_BATCH, THROUGHPUT_BATCH, InferenceTime, undisturbed_at
from harness.results.ranges import (
    Count,
    FromOne,
    Loss,
    MeasuredSeconds,
    Number,
    Percent,
    Rate,
    Seconds,
    TestImages,
)
from harness.results.timing import timing_changes

SCHEMA_VERSION = 2
_LONGEST_COMMAND = 100_000  # characters: a list of a thousand tests
Status = Literal["complete", "diverged", "out_of_memory", "failed"]

MEASURES = (
    "params", "macs", "accuracy_percent", "best_accuracy_percent", "best_epoch", "macro_f1_percent", "eval_seconds",
    "total_seconds", "marginal_gain", "images_per_second", "peak_memory_bytes", "latency_seconds", "image_seconds",
    "activations", "weight_bytes",
)  # fmt: skip
"""The fields of a result that JUnit, pytest-benchmark's record and trackers show, under their own names."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch's losses, accuracies, learning rate and seconds by part.

    Attributes:
        epoch: the epoch's number, from 1.
        evaluation_loss: on the validation set if one is held out, else on the test set.
        evaluation_accuracy_percent: on the same images.
        load_seconds: time to choose, move and augment the training images.
        train_seconds: time of forward and backward passes and of optimizer steps.
        evaluate_seconds: time of the evaluation, with its loading.
        checkpoint_seconds: time to save the state at the epoch's start; 0 in quick mode, which saves none.
        epoch_seconds: wall-clock time of training plus evaluation, the paper's epoch time; without checkpoints.
        disturbance: how much other work or a stop disturbed these seconds; None in records of earlier versions.
    """

    epoch: FromOne
    learning_rate: Number
    train_loss: Loss
    train_accuracy_percent: Percent
    evaluation_loss: Loss
    evaluation_accuracy_percent: Percent
    load_seconds: Seconds
    train_seconds: Seconds
    evaluate_seconds: Seconds
    checkpoint_seconds: Seconds
    epoch_seconds: Seconds
    disturbance: Disturbance | None = None

    @property
    def is_disturbed(self) -> bool:
        """True if other work or a stop lengthened the epoch's time."""
        return was_disturbed(self.disturbance)

    @property
    def is_finite(self) -> bool:
        """True if both losses are finite numbers."""
        return math.isfinite(self.train_loss) and math.isfinite(self.evaluation_loss)

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values; a loss that is not finite is None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class LearningCurve:
    """The course of a training.

    Attributes:
        accuracy_percent: the evaluation accuracy of each epoch.
        final_train_loss: the mean cross-entropy of the last epoch's training images.
    """

    accuracy_percent: tuple[float, ...]
    final_train_loss: float


@dataclass(frozen=True)
class Attempt:
    """The epochs that one process trained without interruption.

    A case that was never interrupted has one attempt.

    Attributes:
        first_epoch: the first epoch trained in this attempt, from 1.
        started_at: UTC, ISO 8601.
        environment: hardware and software, as `describe_environment` returns them.
        compile_seconds: time to compile and capture before the first epoch.
        wall_seconds, peak_memory_bytes, peak_reserved_bytes: up to the attempt's last checkpoint, or to its end.
        command: the command line that the user typed, with credentials masked, which results and checkpoints of
            earlier versions may have; None if they have none.
    """

    first_epoch: FromOne
    started_at: str
    environment: Environment
    compile_seconds: Seconds = 0.0
    wall_seconds: Seconds = 0.0
    peak_memory_bytes: Count = 0
    command: str | None = None
    peak_reserved_bytes: Count | None = None

    def __post_init__(self) -> None:
        """Mask the credentials in the command, and cut it if it is too long."""
        if self.command is not None:
            object.__setattr__(self, "command", without_credentials(self.command[:_LONGEST_COMMAND]))


@dataclass(frozen=True)
class OwnNetwork:
    """The user's own network, as its result remembers it.

    Attributes:
        family: models of one family are compared by depth and width.
        depth, width: None for a network without a place in a family.
        file, module, name: how to import its builder, see `NetworkOrigin`; empty if unknown.
        code: hash of the code of its family, see `NetworkOrigin`; empty in earlier results.
    """

    family: str
    depth: int | None
    width: float | None
    file: str = ""
    module: str = ""
    name: str = ""
    code: str = ""


@dataclass(frozen=True)
class Result:
    """The status, metrics, cost, times and environment of a case.

    Metrics are None if training did not complete.

    Attributes:
        best_accuracy_percent: the accuracy of the best epoch. With a validation split it is that of the epoch's weights
            on the test set.
        best_epoch: the best epoch, chosen on the test set by the paper's protocol; on the validation split if there is
            one.
        epochs: number of epochs recorded; interruptions do not count an epoch twice.
        epoch_seconds: one value per epoch, see `EpochRecord`.
        train_seconds: the sum of the epochs' load_seconds and train_seconds.
        eval_seconds: evaluation, all epochs.
        total_seconds: the sum of the epochs' seconds, the paper's total training time.
        checkpoint_seconds: saving checkpoints, all epochs; not part of the epochs' seconds.
        wall_seconds: the whole wall-clock time of all attempts; a killed attempt counts up to its last checkpoint.
        compile_seconds: compiling and capturing before the first epoch; not part of the epochs' seconds.
        marginal_gain: the paper's equation 6, percent per second.
        images_per_second: training images over the seconds of loading and training.
        dataset_origin: the source of the images.
        dataset_verified: true if the images are known to be the published ones; some layouts cannot be verified.
        dataset_whole: true if there are as many images as published.
        stand_in: true if resized digits replaced the dataset.
        environment: hardware and software of the last attempt.
        started_at: start of the first attempt, UTC, ISO 8601.
        finished_at: end of the last attempt, UTC, ISO 8601.
        peak_memory_bytes: the most memory in use: on CUDA by tensors on the GPU, else by the process.
        attempts: one per uninterrupted stretch of training, see `interrupted_after`.
        files: SHA-256 of each of the case's other files, by name.
        cause: the reason if the case did not complete.
        disturbed_epochs: the epochs, from 1, whose time other work or a stop lengthened; None in earlier results.
        disturbance_causes: the causes of their disturbance, in words.
        network: the user's own network; None for one that comes with the harness.
        notes: remarks on how the network was trained or counted.
        peak_reserved_bytes: the most memory that torch held on the GPU, free blocks included; None off CUDA and in
            earlier results.
        switched_off: the reason for each acceleration (``bf16``, ``compile``, ``capture``, ``resident``) that an
            attempt did without, though the case is for it; also of an attempt that completed no epoch.
        inference: times to use the network, by batch and threads; empty if it did not complete, and in earlier results.
        activations: numbers that the network's convolutions put out for one image; None in earlier results.
        weight_bytes: size of the network's weights as trained; None in earlier results.
    """

    schema_version: int
    status: Status
    mode: Mode
    case: Case
    model: str
    dataset: str
    seed: Count
    params: Count
    macs: Count
    accuracy_percent: Percent | None
    best_accuracy_percent: Percent | None
    best_epoch: FromOne | None
    macro_f1_percent: Percent | None
    epochs: Count
    epoch_seconds: tuple[MeasuredSeconds, ...] = field(repr=False)
    train_seconds: Seconds
    eval_seconds: Seconds
    total_seconds: MeasuredSeconds
    checkpoint_seconds: Seconds
    wall_seconds: Seconds
    compile_seconds: Seconds
    marginal_gain: Rate | None
    images_per_second: Rate | None
    peak_memory_bytes: Count
    train_images: Count
    evaluation_images: Count
    test_images: TestImages
    dataset_origin: str
    dataset_verified: bool
    dataset_whole: bool
    stand_in: bool
    environment: Environment = field(repr=False)
    started_at: str
    finished_at: str
    attempts: Annotated[tuple[Attempt, ...], Field(min_length=1)] = field(repr=False)
    files: Mapping[str, str] = field(repr=False)
    per_class: tuple[ClassEntry, ...] = field(default=(), repr=False)
    confusion: tuple[tuple[Count, ...], ...] = field(default=(), repr=False)
    cause: str | None = None
    disturbed_epochs: tuple[FromOne, ...] | None = field(default=None, repr=False)
    disturbance_causes: tuple[str, ...] = field(default=(), repr=False)
    network: OwnNetwork | None = field(default=None, repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    peak_reserved_bytes: Count | None = field(default=None, repr=False)
    switched_off: Mapping[str, str] = field(default_factory=dict, repr=False)
    inference: tuple[InferenceTime, ...] = field(default=(), repr=False)
    activations: Count | None = field(default=None, repr=False)
    weight_bytes: Count | None = field(default=None, repr=False)

    @property
    def point(self) -> Model:
        """The model's place in its family."""
        if self.network is None:
            return parse_model(self.model)
        return Model(self.model, self.network.family, self.network.depth, self.network.width)

    @property
    def is_complete(self) -> bool:
        return self.status == "complete"

    @property
    def is_finished(self) -> bool:
        """True if the case need not be trained again; out of memory and failures may be temporary."""
        return self.status in ("complete", "diverged")

    @property
    def mean_epoch_seconds(self) -> float | None:
        """The paper's single-epoch training time; None without epochs."""
        return self.total_seconds / len(self.epoch_seconds) if self.epoch_seconds else None

    @property
    def undisturbed_median_seconds(self) -> float | None:
        """The median of the undisturbed epochs' seconds; None if every epoch is disturbed."""
        seconds = self.undisturbed_seconds()
        return statistics.median(seconds) if seconds else None

    @property
    def has_disturbed_times(self) -> bool:
        """True if other work or a stop lengthened the epoch times; False for epochs of several devices."""
        return bool(self.disturbed_epochs) and not self.changes_between_attempts

    @property
    def interrupted_after(self) -> tuple[int, ...]:
        """The number of finished epochs at each interruption."""
        return tuple(attempt.first_epoch - 1 for attempt in self.attempts[1:])

    @property
    def training_environments(self) -> tuple[Mapping[str, Any], ...]:
        """The environments of the attempts that trained an epoch; the last attempt's if none did."""
        ends = (*(attempt.first_epoch for attempt in self.attempts[1:]), self.epochs + 1)
        trained = [one.environment for one, end in zip(self.attempts, ends, strict=True) if end > one.first_epoch]
        compiled = {"compiled": self.case.compiled}
        return tuple({**one, **compiled} for one in trained or [self.environment])

    @property
    def is_co_scheduled(self) -> bool:
        """True if other cases trained on the machine at the same time in any epoch, which lengthens times."""
        return any(environment.get("co_scheduled") for environment in self.training_environments)

    @property
    def changes_between_attempts(self) -> tuple[str, ...]:
        """The changes of hardware or software between epochs that change times, as ``2 threads → 1 thread``.

        If there is any, the case's times are not compared with those of other cases; its accuracy is.
        """
        changes = (change for pair in pairwise(self.training_environments) for change in timing_changes(*pair))
        return tuple(dict.fromkeys(changes))

    @property
    def latency_seconds(self) -> float | None:
        """Seconds of a forward pass of one image, with all threads; None if unknown or disturbed."""
        found = undisturbed_at(LATENCY_BATCH, self.inference)
        return None if found is None else found.median_seconds

    @property
    def image_seconds(self) -> float | None:
        """Seconds per image of a batch of `THROUGHPUT_BATCH`, with all threads; None if unknown or disturbed."""
        found = undisturbed_at(THROUGHPUT_BATCH, self.inference)
        return None if found is None else found.image_seconds

    def undisturbed_seconds(self, *, from_epoch: int = 1) -> list[float]:
        """Return the seconds of the undisturbed epochs, from an epoch on."""
        disturbed = set(self.disturbed_epochs or ())
        epochs = enumerate(self.epoch_seconds, 1)
        return [second for epoch, second in epochs if epoch >= from_epoch and epoch not in disturbed]

    def under_name(self, dataset: str) -> "Result":
        """Return the result with another name for the same images; its case keeps its identity."""
        return replace(self, dataset=dataset, case=replace(self.case, dataset=dataset))

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the content of ``result.json``: JSON with its own SHA-256."""
        return with_sha256(self.to_json())
