"""The reference pipeline, as in the study's appendix: baseline of speed and oracle of equivalence.

torchvision transforms images one by one, in a DataLoader's worker processes. The network is eager and float32. Loss and
correct predictions of every step are read back before the next step. Unlike in the study, which reads GTSRB's files in
every epoch, all images are in memory.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.recipe import Augmentation
from harness.data.images import ImageSet
from harness.hardware.device import computing_at
from harness.hardware.stopwatch import Stopwatch
from harness.results import metrics
from harness.training.trainers.evaluation import Evaluation, Predictions
from harness.training.trainers.trainer import (
    Trainer,
    epoch_generator,
    ignore_progress,
    initial_network,
    make_optimizer,
)

_MAX_WORKERS = 8  # the appendix's num_workers


def worker_count() -> int:
    """Return the number of loader processes: the study's eight, or this process's cores if fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MAX_WORKERS, cores)


def training_transform(augmentation: Augmentation, image_size: int) -> Callable[[Image.Image], Tensor]:
    """Return torchvision's transforms for the augmentation of one image, in the appendix's order."""
    turn = [transforms.RandomRotation(augmentation.rotation_degrees)] if augmentation.rotation_degrees else []
    flips = [transforms.RandomHorizontalFlip(p=0.5)] if augmentation.horizontal_flip else []
    flips += [transforms.RandomVerticalFlip(p=0.5)] if augmentation.vertical_flip else []
    to_tensor = [transforms.ToTensor(), transforms.Normalize(augmentation.mean, augmentation.std)]
    if augmentation.rotate_first:
        resize = [transforms.Resize((image_size, image_size), antialias=True)]
        return transforms.Compose([*turn, *to_tensor, *resize, *flips])  # type: ignore[no-any-return]
    shift = [transforms.RandomCrop(image_size, padding=augmentation.padding)] if augmentation.padding else []
    crop = []
    if augmentation.crop_scale is not None:
        crop = [
            transforms.RandomResizedCrop(image_size, scale=augmentation.crop_scale, ratio=(1.0, 1.0), antialias=True)
        ]
    return transforms.Compose([*to_tensor, *shift, *flips, *turn, *crop])  # type: ignore[no-any-return]


def evaluation_transform(augmentation: Augmentation, image_size: int) -> Callable[[Image.Image], Tensor]:
    """Return the deterministic transforms alone, in the appendix's order."""
    parts = [transforms.ToTensor(), transforms.Normalize(augmentation.mean, augmentation.std)]
    if augmentation.rotate_first:
        parts.append(transforms.Resize((image_size, image_size), antialias=True))
    return transforms.Compose(parts)  # type: ignore[no-any-return]


class Samples(Dataset[tuple[Tensor, int]]):
    """Images that are transformed one by one on access, as in torchvision's datasets."""

    def __init__(self, images: ImageSet, transform: Callable[[Image.Image], Tensor]) -> None:
        pixels, positions = images.pixels, images.positions
        # Views: the pixels of a cache may be more than the memory holds, and the loader's processes share them.
        self._arrays: Any = (
            pixels.permute(0, 2, 3, 1).numpy()
            if isinstance(pixels, Tensor)
            else [image.permute(1, 2, 0).numpy() for image in pixels]
        )
        self._positions = range(len(images)) if positions is None else positions.tolist()
        self._labels, self._images = images.labels.tolist(), images
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        self._images.read_ahead(torch.tensor([position]))
        array = self._arrays[self._positions[position]]
        image = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
        return self._transform(image), self._labels[position]


class ReferenceTrainer(Trainer):
    """The trainer of the reference pipeline."""

    def __init__(self, case: Case, spec: DatasetSpec, device: torch.device) -> None:
        super().__init__(case, spec, device)
        self.network = initial_network(case, spec).to(device)
        self.optimizer = make_optimizer(self.network, self.recipe)

    def train_epoch(
        self, images: ImageSet, epoch: int, watch: Stopwatch, on_progress: Callable[[float], None] = ignore_progress
    ) -> tuple[float, float]:
        """Train as `Trainer.train_epoch` says; ``load`` is the wait for the loader, which works in parallel."""
        self._set_learning_rate(epoch)
        self.network.train()
        loss_sum, correct, seen = 0.0, 0, 0
        transform = training_transform(self.recipe.augmentation, self.recipe.image_size)
        with watch.part("load"):
            loader = self._loader(images, transform, shuffled_by=epoch_generator(self.case.seed, epoch))
        with self._drawing(epoch):
            for batch, labels in _timed(loader, watch):
                with watch.part("train"):
                    loss, hits = self.step(batch.to(self.device), labels.to(self.device))
                loss_sum += loss * len(labels)
                correct += hits
                seen += len(labels)
                on_progress(seen / len(images))
        return loss_sum / len(images), metrics.accuracy_percent(correct, len(images))

    def step(self, batch: Tensor, labels: Tensor) -> tuple[float, int]:
        """Take one step on one batch, in the appendix's order; return its mean loss and correct images."""
        with self._computing():
            logits = self.network(batch)
            correct = int((logits.argmax(1) == labels).sum())
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        return loss.item(), correct

    @torch.no_grad()
    def evaluate(self, images: ImageSet, *, with_logits: bool = False) -> Evaluation:
        """Evaluate as `Trainer.evaluate` says, in the recipe's batches."""
        self.network.eval()
        transform = evaluation_transform(self.recipe.augmentation, self.recipe.image_size)
        loss_sum, predictions = 0.0, Predictions(len(images), self.spec.num_classes, with_logits=with_logits)
        with self._drawing(None), self._computing():
            for batch, labels in self._loader(images, transform):
                labels = labels.to(self.device)
                logits = self.network(batch.to(self.device))
                loss_sum += functional.cross_entropy(logits, labels).item() * len(labels)
                predictions.add(logits)
        return predictions.evaluation(loss_sum / len(images), images.labels)

    def _computing(self) -> AbstractContextManager[None]:
        """Return the context that products are computed in: at the case's precision."""
        return computing_at(self.case.precision, deterministic=self.case.deterministic)

    def _loader(
        self, images: ImageSet, transform: Callable[[Image.Image], Tensor], shuffled_by: torch.Generator | None = None
    ) -> DataLoader[Any]:
        """Return the study's loader. The generator seeds the random numbers of its workers."""
        return DataLoader(
            Samples(images, transform),
            batch_size=self.recipe.batch_size,
            shuffle=shuffled_by is not None,
            num_workers=worker_count(),
            pin_memory=self.device.type == "cuda",
            generator=shuffled_by or torch.Generator().manual_seed(0),
        )


def _timed(loader: DataLoader[Any], watch: Stopwatch) -> Iterator[Any]:
    """Yield the loader's batches; count the wait for each as loading."""
    with watch.part("load"):
        batches = iter(loader)
    for _ in range(len(loader)):
        with watch.part("load"):
            batch = next(batches)
        yield batch
