"""The fast pipeline over several processes: each trains its share of every batch, all take the same step.

A batch is the recipe's whatever the number of processes. Every process draws the whole epoch's random numbers and
augments its own images with theirs, BatchNorm sees the whole batch, and the gradients are summed: but for the order of
sums, the step of one process.
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
from harness.data.draw import Draw
from harness.data.images import ImageSet
from harness.data.registry import Dataset
from harness.data.split import split_validation
from harness.hardware.device import autocast, computing_at
from harness.hardware.stopwatch import Stopwatch
from harness.results import metrics
from harness.training.process_group import ProcessGroup
from harness.training.trainers.fast import FastTrainer, chunk_size
from harness.training.trainers.sync_batch_norm import synchronise_batch_norm
from harness.training.trainers.trainer import Evaluation, ignore_progress


class DataParallelTrainer(FastTrainer):
    """A network in training by several processes; this one's part in it. Eager: collectives are not captured."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device, processes: ProcessGroup) -> None:
        super().__init__(case, spec, device)
        self._processes = processes
        self._forward = self.network = synchronise_batch_norm(self.network, device, processes)
        self._captured = None
        self._whole_batch = 0  # images of the batch in training, over all processes
        # Each gradient has its place in one buffer, laid out as its parameter is: where there was no image, autograd
        # may have laid it out otherwise.
        parameters = list(self.network.parameters())
        ends = list(itertools.accumulate(parameter.numel() for parameter in parameters))
        self._gradient_buffer = torch.zeros(ends[-1], dtype=parameters[0].dtype, device=device)
        self._gradients = [
            self._gradient_buffer.as_strided(parameter.shape, parameter.stride(), end - parameter.numel())
            for parameter, end in zip(parameters, ends, strict=True)
        ]

    def warm_up(self, train_images: int) -> None:
        """Nothing: nothing is compiled or captured."""

    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        """As in `Trainer`: loss and accuracy are of all processes' images."""
        order, parameters = self._begin_epoch(images, epoch)
        count, whole = len(images), self.recipe.batch_size
        step = chunk_size(self.recipe, self.spec.channels, self.device) * self._processes.world_size
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
        self, images: ImageSet, order: Tensor, parameters: Draw, shares: list[range]
    ) -> tuple[Tensor, Tensor]:
        """The images at those places of the epoch, augmented: inputs (N, C, S, S), channels_last, and labels (N,)."""
        positions = torch.cat([torch.arange(share.start, share.stop) for share in shares])
        if len(positions):
            return self._load(images, order[positions], parameters[positions])
        size = self.recipe.image_size
        nothing = torch.empty(0, self.spec.channels, size, size, device=self.device)
        return nothing.contiguous(memory_format=torch.channels_last), torch.empty(0, dtype=torch.int64).to(self.device)

    def _compute(self, batch: Tensor, labels: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with computing_at(self.case.precision):
            with autocast(self.case.precision, self.device):
                logits = self.network(batch)
                loss_sum = functional.cross_entropy(logits, labels, reduction="sum")
            (loss_sum / self._whole_batch).backward()  # type: ignore[no-untyped-call]
        self._sum_gradients()
        self.optimizer.step()
        self._loss_sum += loss_sum.detach()
        self._correct += (logits.detach().argmax(1) == labels).sum()

    def _sum_gradients(self) -> None:
        """Each gradient becomes the sum over all processes, in one exchange: the gradient of the whole batch's loss."""
        parameters = list(self.network.parameters())
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._foreach_copy_(self._gradients, gradients)
        self._processes.all_reduce(self._gradient_buffer)
        for parameter, gradient in zip(parameters, self._gradients, strict=True):
            parameter.grad = gradient

    def evaluate(self, images: ImageSet) -> Evaluation:
        """As in `Trainer`; every image is one process's, and what they come to is every process's."""
        own = shard(0, len(images), self._processes)
        part = Evaluation(0.0, 0.0, np.zeros(0, dtype=np.int64))
        if len(own):
            part = super().evaluate(images.select(torch.arange(own.start, own.stop)))
        parts = self._processes.all_gather((part.loss * len(own), part.predictions))
        predicted = np.concatenate([predictions for _, predictions in parts])
        correct = int((predicted == images.labels.cpu().numpy()).sum())
        loss = sum(loss for loss, _ in parts) / len(images)
        return Evaluation(loss, metrics.accuracy_percent(correct, len(images)), predicted)


def shard(start: int, end: int, processes: ProcessGroup) -> range:
    """Those places from ``start`` to ``end`` that are this process's, one after the other; none where there are few."""
    count = end - start
    return range(
        start + processes.rank * count // processes.world_size,
        start + (processes.rank + 1) * count // processes.world_size,
    )


@dataclass(frozen=True)
class Command:
    """A method of the trainer that the first process has the others call with it, and its arguments."""

    method: str
    arguments: tuple[Any, ...] = ()


class RankZeroTrainer(DataParallelTrainer):
    """The first process's: whatever it does, it has the others do at the same time."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device, processes: ProcessGroup) -> None:
        self._placed: list[ImageSet] = []
        with processes.running_together(Command("make")):
            super().__init__(case, spec, device, processes)

    def place(self, images: ImageSet) -> ImageSet:
        """As in `FastTrainer`. The others know sets of images by the order in which they were placed."""
        self._placed.append(super().place(images))
        return self._placed[-1]

    def restore(self, network: Mapping[str, Tensor], momentum: Mapping[str, Tensor]) -> None:
        with self._processes.running_together(Command("restore", (dict(network), dict(momentum)))):
            super().restore(network, momentum)

    def replace_weights(self, network: Mapping[str, Tensor]) -> None:
        with self._processes.running_together(Command("replace_weights", (dict(network),))):
            super().replace_weights(network)

    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        with self._processes.running_together(Command("train_epoch", (self._number(images), epoch))):
            return super().train_epoch(images, epoch, watch, on_progress)

    def evaluate(self, images: ImageSet) -> Evaluation:
        with self._processes.running_together(Command("evaluate", (self._number(images),))):
            return super().evaluate(images)

    def _number(self, images: ImageSet) -> int:
        return next(number for number, placed in enumerate(self._placed) if placed is images)


class Follower:
    """A case's training in every process but the first: what the first does, done with it."""

    def __init__(self, case: Case, dataset: Dataset, device: torch.device, processes: ProcessGroup) -> None:
        self._case, self._dataset, self._device, self._processes = case, dataset, device, processes
        self._images: list[ImageSet] = []
        self.trainer: DataParallelTrainer

    def execute(self, command: Command) -> None:
        """Call what the first process calls."""
        arguments = command.arguments
        if command.method == "make":
            self._make()
        elif command.method == "train_epoch":
            self.trainer.train_epoch(self._images[arguments[0]], arguments[1], Stopwatch(self._device))
        elif command.method == "evaluate":
            self.trainer.evaluate(self._images[arguments[0]])
        else:
            getattr(self.trainer, command.method)(*arguments)

    def _make(self) -> None:
        spec, dataset = self._dataset.spec, self._dataset
        self.trainer = DataParallelTrainer(self._case, spec, self._device, self._processes)
        sets = [dataset.train, dataset.test]
        if self._case.val_split:
            train_images, validation = split_validation(dataset.train, self._case.val_split)
            sets = [train_images, dataset.test, validation]
        self._images = [self.trainer.place(images) for images in sets]
