"""Augmentation alone on one thread: batched, and image by image with torchvision's transforms."""

import contextlib
import time
from collections.abc import Callable, Iterator

import torch

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Recipe
from harness.data.augment import augment
from harness.data.augment_parameters import draw_parameters
from harness.data.images import ImageSet, random_images
from harness.hardware.memory import keep_freed_memory
from harness.throughput.measurements import AugmentationComparison
from harness.training.trainers.fast import chunk_size
from harness.training.trainers.reference import Samples, training_transform
from harness.training.trainers.trainer import epoch_generator

CPU = torch.device("cpu")


def compare_augmentation(
    spec: DatasetSpec, recipe: Recipe, *, rounds: int = 7, images: int = 2048
) -> AugmentationComparison:
    """Augment random images of the dataset's shape both ways alternately, after one warm-up round.

    Args:
        rounds: rounds of each way.
        images: images per round.
    """
    source = random_images(spec, recipe, images)
    batched, per_sample = [], []
    keep_freed_memory()
    with _one_thread(), torch.random.fork_rng(devices=[]):
        _augment_batched(source, recipe, 0)
        for number in range(rounds):
            batched.append(images / _seconds(_augment_batched, source, recipe, number))
            per_sample.append(images / _seconds(_augment_one_by_one, source, recipe))
    size = source.pixels[0].shape[1]
    return AugmentationComparison(
        recipe.name, spec.channels, size, recipe.image_size, images, tuple(batched), tuple(per_sample)
    )


def _augment_batched(images: ImageSet, recipe: Recipe, epoch: int) -> None:
    """Augment as `FastTrainer` does: draw the epoch's parameters, then augment chunk by chunk."""
    generator = epoch_generator(0, epoch)
    order = torch.randperm(len(images), generator=generator)
    parameters = draw_parameters(recipe.augmentation, len(images), recipe.image_size, generator)
    step = chunk_size(recipe, len(recipe.augmentation.mean), CPU)
    for start in range(0, len(images), step):
        chosen = images.select(order[start : start + step])
        augment(chosen.pixels, parameters[start : start + step], recipe.augmentation, recipe.image_size)


def _augment_one_by_one(images: ImageSet, recipe: Recipe) -> None:
    """Augment as a loader process of the reference pipeline does, without collating batches."""
    samples = Samples(images, training_transform(recipe.augmentation, recipe.image_size))
    for position in range(len(samples)):
        samples[position]


def _seconds(work: Callable[..., None], *arguments: object) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
