"""Data-parallel training by the fast pipeline: each rank trains its share of every batch.

A batch has the recipe's size for any world size. Every rank draws the whole epoch's random numbers and augments its own
images with their part, BatchNorm sees the whole batch, and the gradients are summed. So all ranks
take the same step, which equals that of a single
process, except for the order of sums.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.data.augment_parameters import AugmentationParameters
from harness.data.images import ImageSet
from harness.data.registry import Dataset
from harness.data.split import count_held_out, split_validation
from harness.errors import InputError
from harness.hardware.device import autocast, computing_at
from harness.hardware.stops import StopMeter, Stops
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import model_of
from harness.models.foreign import raised
from harness.results import metrics
from harness.training.process_group import ProcessGroup
from harness.training.trainers.fast import FastTrainer, chunk_size
from harness.training.trainers.sync_batch_norm import require_synchronisable, synchronise_batch_norm
from harness.training.trainers.trainer import Evaluation, SetName, empty_network, ignore_progress


class DataParallelTrainer(FastTrainer):
    """One rank's part of data-parallel training; eager, as collectives are not captured."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device, processes: ProcessGroup) -> None:
        super().__init__(case, spec, device)
        self._processes, self.rank = processes, processes.rank
        self._forward = self.network = synchronise_batch_norm(self.network, device, processes)
        self._captured = None
        self._stops = StopMeter()  # since the epoch began
        self._whole_batch = 0  # images of the current batch, over all ranks
        self._parameters = [one for one in self.network.parameters() if one.requires_grad]
        # All gradients share one buffer, each in its parameter's memory layout: on a rank without images, autograd may
        # choose another layout.
        ends = list(itertools.accumulate(parameter.numel() for parameter in self._parameters))
        # A user's network may leave parameters without a gradient, which the optimizer then passes over: flags say so.
        self._flags = len(ends) if model_of(case).is_foreign else 0
        self._gradient_buffer = torch.zeros(ends[-1] + self._flags, dtype=self._parameters[0].dtype, device=device)
        self._gradients = [
            self._gradient_buffer.as_strided(parameter.shape, parameter.stride(), end - parameter.numel())
            for parameter, end in zip(self._parameters, ends, strict=True)
        ]

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
                    inputs, labels = self._load_share(images, order, parameters, own)
                with watch.part("train"):
                    sizes = [len(share) for share in own]
                    parts = zip(torch.split(inputs, sizes), torch.split(labels, sizes), strict=True)
                    for (first, last), part in zip(batches, parts, strict=True):
                        self._whole_batch = last - first
                        self.step(*part)
                on_progress(end / count)
        sums = self._processes.all_reduce(torch.stack([self._loss_sum, self._correct.to(self._loss_sum.dtype)]))
        return float(sums[0]) / count, metrics.accuracy_percent(int(sums[1]), count)

    def _load_share(
        self, images: ImageSet, order: Tensor, parameters: AugmentationParameters, shares: list[range]
    ) -> tuple[Tensor, Tensor]:
        """Return an epoch's images at these positions, augmented: inputs (N, C, S, S) and labels (N,).

        Without positions, N is 0.
        """
        positions = torch.cat([torch.arange(share.start, share.stop) for share in shares])
        if len(positions):
            return self._load(images, order[positions], parameters[positions])
        size = self.recipe.image_size
        empty = torch.empty(0, self.spec.channels, size, size, device=self.device)
        return empty.contiguous(memory_format=self._memory_format), torch.empty(0, dtype=torch.int64).to(self.device)

    def _compute(self, batch: Tensor, labels: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with computing_at(self.case.precision, deterministic=self.case.deterministic):
            with autocast(self.case.precision, self.device):
                logits = self.network(batch)
                loss_sum = functional.cross_entropy(logits, labels, reduction="sum")
            (loss_sum / self._whole_batch).backward()  # type: ignore[no-untyped-call]
        self._sum_gradients()
        self.optimizer.step()
        self._loss_sum += loss_sum.detach()
        self._correct += (logits.detach().argmax(1) == labels).sum()

    def _sum_gradients(self) -> None:
        """Sum each gradient over all ranks in one all-reduce: the gradient of the whole batch's loss."""
        pairs = zip(self._gradients, self._parameters, strict=True)
        present = [(sums, parameter.grad) for sums, parameter in pairs if parameter.grad is not None]
        if self._flags:
            self._gradient_buffer.zero_()
            has_gradient = [float(parameter.grad is not None) for parameter in self._parameters]
            self._gradient_buffer[-self._flags :] = torch.tensor(has_gradient)
        torch._foreach_copy_([sums for sums, _ in present], [gradient for _, gradient in present])
        self._processes.all_reduce(self._gradient_buffer)
        is_used = self._gradient_buffer[-self._flags :].tolist() if self._flags else itertools.repeat(True)
        for parameter, gradient, used in zip(self._parameters, self._gradients, is_used, strict=False):
            parameter.grad = gradient if used else None

    def evaluate(self, images: ImageSet) -> Evaluation:
        """Evaluate as `Trainer.evaluate` says: each rank its share of the images; all ranks get the whole."""
        own = shard(0, len(images), self._processes)
        part = Evaluation(0.0, 0.0, np.zeros(0, dtype=np.int64))
        if len(own):
            part = super().evaluate(images.view(torch.arange(own.start, own.stop, device=images.labels.device)))
        parts = self._processes.all_gather((part.loss * len(own), part.predictions))
        predicted = np.concatenate([predictions for _, predictions in parts])
        correct = int((predicted == images.labels.cpu().numpy()).sum())
        loss = sum(loss for loss, _ in parts) / len(images)
        return Evaluation(loss, metrics.accuracy_percent(correct, len(images)), predicted)

    def stops_of_ranks(self) -> list[Stops]:
        return self._processes.all_gather(self._stops.reading())


def require_divisible(case: Case, dataset: Dataset, processes: ProcessGroup) -> None:
    """Check that several processes can train a foreign network together.

    Raises:
        InputError: a BatchNorm cannot be synchronised; or a batch leaves a process without images, and the
            network cannot take none.
    """
    if not processes.is_distributed or not model_of(case).is_foreign:
        return
    network, size = empty_network(case, dataset.spec).eval(), case.recipe.image_size
    try:
        require_synchronisable(network)
    except InputError as error:
        raise InputError(f"model {case.model}: {error}") from error
    images = len(dataset.train) - count_held_out(dataset.train, case.val_split)
    last = images % case.recipe.batch_size
    smallest = last or case.recipe.batch_size
    if smallest >= processes.world_size or any(not one.is_meta for one in network.parameters()):
        return
    try:
        network(torch.empty(0, *dataset.spec.input_shape(size), device="meta"))
    except Exception as error:
        raise InputError(
            f"{case.label}: {'its last' if last else 'a'} batch of {smallest} leaves a process without images, where "
            f"the network raised {raised(error)}\ngive the recipe another batch_size, or start fewer processes"
        ) from error


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

    def evaluate(self, images: ImageSet) -> Evaluation:
        with self._processes.running_together(Command("evaluate", (self._name_of(images),))):
            return super().evaluate(images)

    def stops_of_ranks(self) -> list[Stops]:
        with self._processes.running_together(Command("stops_of_ranks")):
            return super().stops_of_ranks()

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
            self.trainer.evaluate(self._sets[arguments[0]])
        else:
            getattr(self.trainer, command.method)(*arguments)

    def _make(self) -> None:
        dataset = self._dataset
        self.trainer = DataParallelTrainer(self._case, dataset.spec, self._device, self._processes)
        sets: dict[SetName, ImageSet] = {"train": dataset.train, "test": dataset.test}
        if self._case.val_split:
            sets["train"], sets["validation"] = split_validation(dataset.train, self._case.val_split)
        self._sets = {name: self.trainer.place(images, name) for name, images in sets.items()}
