"""Training on images that are mapped from a cache, against the same images in memory."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.data.cache import load_images
from harness.data.source import Source, unverifiable
from harness.results.folder import ResultsFolder
from harness.training.train import train
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case, make_dataset, of_different_sizes


def mapped(dataset, data_dir):
    """The dataset with its images mapped from a cache."""
    counts = len(dataset.train), len(dataset.test)

    def read(*_):
        return dataset.train, dataset.test

    source = Source("tensors", Path("nowhere"), lambda: counts, unverifiable, read, key=lambda: "tensors")
    images = load_images(source, dataset.spec, data_dir)
    assert images.train.pixels is not dataset.train.pixels
    assert images.fingerprint == load_images(source, dataset.spec, data_dir).fingerprint
    return replace(dataset, train=images.train, test=images.test, fingerprint=images.fingerprint)


def weights(case, dataset, folder):
    return train(case, dataset, ResultsFolder(folder), CPU).files["weights.safetensors"]


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
def test_training_on_mapped_images_is_bit_identical(tmp_path, pipeline):
    dataset = make_dataset()
    case = make_case(dataset, pipeline=pipeline, val_split=0.3, train_fraction=0.5, recipe=TINY_RECIPE.with_epochs(1))
    other = mapped(dataset, tmp_path)
    assert weights(case, dataset, tmp_path / "memory") == weights(case, other, tmp_path / "mapped")


def test_training_on_mapped_images_of_many_sizes_is_bit_identical(tmp_path):
    augmentation = replace(TINY_RECIPE.augmentation, rotate_first=True, crop_scale=None)
    dataset = mapped(of_different_sizes(make_dataset()), tmp_path / "first")  # its fingerprint is computed
    in_memory = replace(dataset, train=of_different_sizes(make_dataset()).train, test=make_dataset().test)
    case = make_case(dataset, recipe=replace(TINY_RECIPE, augmentation=augmentation), val_split=0.3)
    assert not isinstance(dataset.train.pixels, torch.Tensor)
    assert weights(case, in_memory, tmp_path / "memory") == weights(case, dataset, tmp_path / "mapped")
