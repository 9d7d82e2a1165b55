"""Augmentation alone on one thread: batched, and image by image with torchvision's transforms."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator

import torch

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Recipe
from harness.data.augment import augment
from harness.data.augment_parameters import draw_parameters
from harness.data.images import ImageSet, random_images
from harness.hardware.memory import keep_freed_memory
from harness.results.disturbance import Disturbance
from harness.throughput.measurements import AugmentationComparison
from harness.throughput.repetition import Repetition, metered
from harness.throughput.rounds import strongest
from harness.training.trainers.fast import chunk_size
from harness.training.trainers.reference import Samples, training_transform
from harness.training.trainers.trainer import epoch_generator

CPU = torch.device("cpu")


def compare_augmentation(
    spec: DatasetSpec,
    recipe: Recipe,
    *,
    rounds: int = 7,
    images: int = 2048,
    notify: Callable[[str], None] = lambda _: None,
) -> AugmentationComparison:
    """Augment random images of the dataset's shape both ways alternately, after one warm-up round.

    Args:
        rounds: rounds of each way.
        images: images per round.
        notify: callback that receives a line about each disturbed round.
    """
    source = random_images(spec, recipe, images)
    repetition, measured = Repetition(notify), []
    keep_freed_memory()
    with _one_thread(), torch.random.fork_rng(devices=[]):
        _augment_batched(source, recipe, 0)
        for number in range(rounds):
            work = functools.partial(_round, source, recipe, number)
            measured.append(repetition.measure(f"round {number + 1}", work, lambda one: [one[-1]]))
    size = source.pixels[0].shape[1]
    return AugmentationComparison(
        recipe.name, spec.channels, size, recipe.image_size, images, *zip(*measured, strict=True)
    )


def _round(images: ImageSet, recipe: Recipe, number: int) -> tuple[float, float, Disturbance]:
    """Return images per second, batched and image by image, with the stronger disturbance of both."""
    batched, first = metered(CPU, lambda: _seconds(_augment_batched, images, recipe, number))
    per_sample, second = metered(CPU, lambda: _seconds(_augment_one_by_one, images, recipe))
    return len(images) / batched, len(images) / per_sample, strongest([first, second]) or first


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
