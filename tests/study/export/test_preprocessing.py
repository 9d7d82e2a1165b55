from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from harness.config.recipes import CIFAR10, FASHIONMNIST, GTSRB
from harness.data.augment import prepare
from harness.data.decoding import decode, file_on_disk
from harness.study.export.preprocessing import apply_steps, split_steps, steps_of
from tests.data.builders import noise
from tests.helpers.tiny import make_case, make_dataset


def case_of(recipe, name):
    return replace(make_case(make_dataset()), recipe=recipe, dataset=name)


def order_of(steps):
    return [step["step"] for step in steps]


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        (CIFAR10, "folder:x"),
        (replace(CIFAR10, fit="crop"), "folder:x"),
        (GTSRB, "folder:x"),
        (FASHIONMNIST, "fashionmnist"),
    ],
)
def test_steps_turn_a_file_into_the_harnesss_own_input(tmp_path, recipe, name):
    channels = len(recipe.augmentation.mean)
    Image.fromarray(noise(41, 67)).save(tmp_path / "own.png")
    files = [file_on_disk(tmp_path / "own.png", 0)]
    decoded = decode(files, channels=channels, size=recipe.resize)
    steps = steps_of(case_of(recipe, name), channels)
    assert order_of(steps) == ["decode", "resize", "scale", "normalise"]
    with Image.open(tmp_path / "own.png") as file:
        image = np.atleast_3d(file.convert(steps[0]["mode"])).transpose(2, 0, 1)
    expected = prepare(decoded.pixels, recipe.augmentation, recipe.image_size)[0]
    torch.testing.assert_close(torch.from_numpy(apply_steps(image, steps)), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [(15, 18), (250, 230), (225, 225)])
def test_gtsrbs_images_are_resized_after_normalisation(size):
    steps = steps_of(case_of(GTSRB, "gtsrb"), 3)
    assert order_of(steps) == ["decode", "scale", "normalise", "resize"]
    image = noise(*size).transpose(2, 0, 1)
    expected = prepare(torch.from_numpy(image.copy())[None], GTSRB.augmentation, 225)[0]
    torch.testing.assert_close(torch.from_numpy(apply_steps(image, steps)), expected, rtol=0, atol=1e-4)


def test_inside_the_model_are_all_steps_from_the_scaling_on():
    inside = split_steps(case_of(GTSRB, "gtsrb"), 3, inside_the_model=True)
    assert tuple(map(order_of, inside)) == (["decode"], ["scale", "normalise", "resize"])
    inside = split_steps(case_of(CIFAR10, "cifar10"), 3, inside_the_model=True)
    assert tuple(map(order_of, inside)) == (["decode", "resize"], ["scale", "normalise"])
    assert split_steps(case_of(CIFAR10, "cifar10"), 3, inside_the_model=False)[1] == []
