"""Data-parallel training by the fast pipeline: each rank trains its share of every batch.

A batch has the recipe's size for any world size. Every rank draws the whole epoch's random numbers and augments its own
images with their part, BatchNorm sees the whole batch, and the gradients are summed. So all ranks
take the same step, which equals that of a single
process, except for the order of sums.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.data.augment_parameters import AugmentationParameters
from harness.data.images import ImageSet
from harness.data.registry import Dataset
from harness.data.split import split_training
from harness.errors import InputError
from harness.hardware.device import autocast, computing_at
from harness.hardware.stops import StopMeter, Stops
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import model_of
from harness.results import metrics
from harness.results.logit_array import obstacle_to_logits
from harness.training.process_group import ProcessGroup
from harness.training.trainers import sharding
from harness.training.trainers.evaluation import Evaluation
from harness.training.trainers.fast import FastTrainer, chunk_size
from harness.training.trainers.gradient_sums import GradientSums
from harness.training.trainers.sync_batch_norm import RankShare, require_synchronisable, synchronise_batch_norm
from harness.training.trainers.trainer import SetName, empty_network, ignore_progress

_IGNORED = -100  # the label of an image that does not count


class DataParallelTrainer(FastTrainer):
    """One rank's part of data-parallel training; eager, as collectives are not captured."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device, processes: ProcessGroup) -> None:
        self._processes, self.rank, self._share = processes, processes.rank, RankShare(processes)
        super().__init__(case, spec, device)
        self._captured = None
        self._stops = StopMeter()  # since the epoch began
        self._whole_batch = 0  # images of the current batch, over all ranks
        self._gradient_sums = None if processes.is_sharded else GradientSums(self.network, processes)
        if processes.is_sharded:  # torch has no fused kernel for shards
            self.optimizer.param_groups[0].update(fused=False, foreach=True, lr=self.recipe.learning_rate)

    def _on_device(self, network: nn.Module) -> nn.Module:
        network = synchronise_batch_norm(network, self._share)
        if self._processes.is_sharded:
            return sharding.shard_network(network, self.device, self._processes)
        return super()._on_device(network)

    def warm_up(self, images: ImageSet) -> None:
        """Do nothing: nothing is compiled or captured."""

    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        """Train as `Trainer.train_epoch` says; loss and accuracy cover the images of all ranks."""
        self._stops = StopMeter()
        order, parameters = self._begin_epoch(images, epoch)
        count, whole = len(images), self.recipe.batch_size
        step = chunk_size(self.recipe, self.spec.channels, self.device) * self._processes.world_size
        with self._drawing(epoch):
            for start in range(0, count, step):
                end = min(start + step, count)
                batches = [(first, min(first + whole, end)) for first in range(start, end, whole)]
                own = [shard(first, last, self._processes) for first, last in batches]
                with watch.part("load"):
                    parts = self._load_shares(images, order, parameters, own)
                with watch.part("train"):
                    for (first, last), share, part in zip(batches, own, parts, strict=True):
                        self._whole_batch, self._share.counts = last - first, len(share) > 0
                        self.step(*part)
                on_progress(end / count)
        sums = self._processes.all_reduce(torch.stack([self._loss_sum, self._correct.to(self._loss_sum.dtype)]))
        return float(sums[0]) / count, metrics.accuracy_percent(int(sums[1]), count)

    def _load_shares(
        self, images: ImageSet, order: Tensor, parameters: AugmentationParameters, shares: list[range]
    ) -> list[tuple[Tensor, Tensor]]:
        """Return each share of the epoch's images, augmented: inputs (N, C, S, S) and labels (N,).

        N is at least 1. For an empty share an image of the same batch stands in, with a label that the loss ignores:
        so every network can train on it, and every rank takes part in every exchange.
        """
        filled = [share or range(share.start, share.start + 1) for share in shares]
        positions = torch.cat([torch.arange(share.start, share.stop) for share in filled])
        inputs, labels = self._load(images, order[positions], parameters[positions])
        sizes = [len(share) for share in filled]
        parts = zip(torch.split(inputs, sizes), torch.split(labels, sizes), strict=True)
        return [
            (batch, own if share else torch.full_like(own, _IGNORED))
            for share, (batch, own) in zip(shares, parts, strict=True)
        ]

    def _compute(self, batch: Tensor, labels: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with computing_at(self.case.precision, deterministic=self.case.deterministic):
            with autocast(self.case.precision, self.device):
                logits = self.network(batch)
                loss_sum = functional.cross_entropy(logits, labels, reduction="sum", ignore_index=_IGNORED)
            (loss_sum / self._whole_batch).backward()  # type: ignore[no-untyped-call]
        if self._gradient_sums is not None:
            self._gradient_sums.reduce()
        self.optimizer.step()
        self._loss_sum += loss_sum.detach()
        self._correct += (logits.detach().argmax(1) == labels).sum()

    def evaluate(self, images: ImageSet, *, with_logits: bool = False) -> Evaluation:
        """Evaluate as `Trainer.evaluate` says: each rank its share of the images; all ranks get the whole.

        Every rank evaluates equally many images, as shards need. An image beyond its own share does not count.
        """
        own = shard(0, len(images), self._processes)
        count = -(-len(images) // self._processes.world_size)  # the last share's, so that all windows fit
        window = images.view(torch.arange(own.start, own.start + count, device=images.labels.device))
        window.labels[len(own) :] = _IGNORED
        # Each part of logits that are too large to be stored may be small enough.
        is_small = obstacle_to_logits(len(images), self.spec.num_classes) is None
        part = super().evaluate(window, with_logits=with_logits and is_small)
        logits = None if part.logits is None else part.logits[: len(own)]
        parts = self._processes.all_gather((part.loss * count, part.predictions[: len(own)], logits))
        losses, predictions, of_ranks = zip(*parts, strict=True)
        predicted = np.concatenate(predictions)
        correct = int((predicted == images.labels.cpu().numpy()).sum())
        whole = None if logits is None else np.concatenate(of_ranks)
        return Evaluation(sum(losses) / len(images), metrics.accuracy_percent(correct, len(images)), predicted, whole)

    def _evaluate(self, images: ImageSet, *, with_logits: bool) -> Evaluation:
        with torch.inference_mode(False), torch.no_grad():  # shards gathered in inference mode cannot be trained
            return super()._evaluate(images, with_logits=with_logits)

    def network_state(self) -> dict[str, Tensor]:
        return self._whole(super().network_state())

    def momentum(self) -> dict[str, Tensor]:
        return self._whole(super().momentum())

    def restore(self, network: Mapping[str, Tensor], momentum: Mapping[str, Tensor]) -> None:
        super().restore(self._split(network), self._split(momentum))

    def replace_weights(self, network: Mapping[str, Tensor]) -> None:
        super().replace_weights(self._split(network))

    def _whole(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return sharding.whole(tensors) if self._processes.is_sharded else tensors

    def _split(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return sharding.split(tensors, self.network) if self._processes.is_sharded else tensors

    def stops_of_ranks(self) -> list[Stops]:
        return self._processes.all_gather(self._stops.reading())


def require_divisible(case: Case, dataset: Dataset, processes: ProcessGroup) -> None:
    """Check that several processes can train a foreign network together.

    Raises:
        InputError: a BatchNorm cannot be synchronised.
    """
    if not processes.is_distributed or not model_of(case).is_foreign:
        return
    try:
        require_synchronisable(empty_network(case, dataset.spec))
    except InputError as error:
        raise InputError(f"model {case.model}: {error}") from error


def shard(start: int, end: int, processes: ProcessGroup) -> range:
    """Return this rank's consecutive share of the positions from ``start`` to ``end``; it may be empty."""
    count = end - start
    return range(
        start + processes.rank * count // processes.world_size,
        start + (processes.rank + 1) * count // processes.world_size,
    )


@dataclass(frozen=True)
class Command:
    """A trainer's method that rank 0 calls on every rank, with its arguments.

    Image sets are named in the arguments, because every rank has its own copy of the images.
    """

    method: str
    arguments: tuple[Any, ...] = ()


class RankZeroTrainer(DataParallelTrainer):
    """Rank 0's trainer: it sends each call to the other ranks, which make it at the same time."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device, processes: ProcessGroup) -> None:
        self._sets: dict[SetName, ImageSet] = {}
        with processes.running_together(Command("make")):
            super().__init__(case, spec, device, processes)

    def place(self, images: ImageSet, name: SetName = "train") -> ImageSet:
        """Place the images as `FastTrainer.place` does, and remember their name for the commands."""
        self._sets[name] = super().place(images, name)
        return self._sets[name]

    def switch_off(self, technique: str, reason: str) -> None:
        with self._processes.running_together(Command("switch_off", (technique, reason))):
            super().switch_off(technique, reason)

    def restore(self, network: Mapping[str, Tensor], momentum: Mapping[str, Tensor]) -> None:
        with self._processes.running_together(Command("restore", (dict(network), dict(momentum)))):
            super().restore(network, momentum)

    def replace_weights(self, network: Mapping[str, Tensor]) -> None:
        with self._processes.running_together(Command("replace_weights", (dict(network),))):
            super().replace_weights(network)

    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        with self._processes.running_together(Command("train_epoch", (self._name_of(images), epoch))):
            return super().train_epoch(images, epoch, watch, on_progress)

    def evaluate(self, images: ImageSet, *, with_logits: bool = False) -> Evaluation:
        with self._processes.running_together(Command("evaluate", (self._name_of(images), with_logits))):
            return super().evaluate(images, with_logits=with_logits)

    def stops_of_ranks(self) -> list[Stops]:
        with self._processes.running_together(Command("stops_of_ranks")):
            return super().stops_of_ranks()

    def network_state(self) -> dict[str, Tensor]:
        with self._gathering("network_state"):
            return super().network_state()

    def momentum(self) -> dict[str, Tensor]:
        with self._gathering("momentum"):
            return super().momentum()

    def _gathering(self, method: str) -> contextlib.AbstractContextManager[None]:
        """Return a context in which all ranks call a method if their shards have to be gathered for it."""
        is_sharded = self._processes.is_sharded
        return self._processes.running_together(Command(method)) if is_sharded else contextlib.nullcontext()

    def _name_of(self, images: ImageSet) -> SetName:
        return next(name for name, placed in self._sets.items() if placed is images)


class Follower:
    """A case's training on every rank but 0: it executes the commands of rank 0's trainer."""

    def __init__(self, case: Case, dataset: Dataset, device: torch.device, processes: ProcessGroup) -> None:
        self._case, self._dataset, self._device, self._processes = case, dataset, device, processes
        self._sets: dict[SetName, ImageSet] = {}
        self.trainer: DataParallelTrainer

    def execute(self, command: Command) -> None:
        """Call the method that rank 0 calls."""
        arguments = command.arguments
        if command.method == "make":
            self._make()
        elif command.method == "train_epoch":
            name, epoch = arguments
            self.trainer.train_epoch(self._sets[name], epoch, Stopwatch(self._device))
        elif command.method == "evaluate":
            name, with_logits = arguments
            self.trainer.evaluate(self._sets[name], with_logits=with_logits)
        else:
            getattr(self.trainer, command.method)(*arguments)

    def _make(self) -> None:
        dataset = self._dataset
        self.trainer = DataParallelTrainer(self._case, dataset.spec, self._device, self._processes)
        train, validation = split_training(dataset.train, self._case)
        sets: dict[SetName, ImageSet] = {"train": train, "test": dataset.test}
        if validation is not None:
            sets["validation"] = validation
        self._sets = {name: self.trainer.place(images, name) for name, images in sets.items()}
