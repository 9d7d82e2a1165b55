"""A dataset and a case small enough to train in a blink."""

from dataclasses import replace

import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.config.recipe import Augmentation, Recipe
from harness.data.images import ImageSet, PackedPixels, fingerprint
from harness.data.registry import Dataset

CPU = torch.device("cpu")

TINY_RECIPE = Recipe(
    name="tiny",
    epochs=3,
    milestones=(2,),
    batch_size=8,
    image_size=8,
    augmentation=Augmentation(
        mean=(0.5,), std=(0.5,), horizontal_flip=True, rotation_degrees=20, crop_scale=(0.7, 1.0)
    ),
    learning_rate=0.05,
)


def tiny_spec(train_images=30, test_images=12, classes=3, size=8):
    return DatasetSpec("digits", 1, size, tuple("abcdefghij"[:classes]), train_images, test_images)


TINY_SPEC = tiny_spec()


def make_dataset(train_images=30, test_images=12, classes=3, size=8, seed=0):
    """A dataset whose classes differ in brightness, so that a few epochs learn something."""
    generator = torch.Generator().manual_seed(seed)

    def part(count):
        labels = torch.arange(count) % classes
        noise = torch.randint(0, 60, (count, 1, size, size), generator=generator)
        return ImageSet((noise + 60 * labels[:, None, None, None]).to(torch.uint8), labels)

    spec = tiny_spec(train_images, test_images, classes, size)
    train_set, test_set = part(train_images), part(test_images)
    return Dataset(spec, train_set, test_set, "made for the tests", fingerprint(train_set, test_set))


def first_batch(dataset):
    """Return a batch as a step takes it: eight images of noise, and the labels of the first eight."""
    return torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)), dataset.train.labels[:8]


def of_different_sizes(dataset):
    """The dataset with training images cropped to sizes of their own."""
    pixels = [image[:, : 5 + k % 3, :7].contiguous() for k, image in enumerate(dataset.train.pixels)]
    return replace(dataset, train=replace(dataset.train, pixels=PackedPixels.from_images(pixels)))


def make_case(dataset, **changes):
    case = Case(
        model="resnet8",
        dataset="digits",
        recipe=TINY_RECIPE,
        seed=0,
        mode="full",
        device_kind="cpu",
        precision="fp32",
        data_fingerprint=dataset.fingerprint,
    )
    return replace(case, **changes)
