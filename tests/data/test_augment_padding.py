"""Pad and crop, as torchvision's RandomCrop with padding, before flips."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import transforms

from harness.config.recipe import Augmentation
from harness.config.recipes import CIFAR10
from harness.data.augment import augment, prepare
from harness.data.augment_parameters import draw_parameters
from harness.training.trainers.reference import training_transform
from tests.data.augmenting import assert_same, by_torchvision, parameters, random_images

PADDED = replace(CIFAR10, augmentation=Augmentation((0.4, 0.5, 0.6), (0.2, 0.3, 0.4), horizontal_flip=True, padding=4))
TURNED = replace(PADDED, augmentation=replace(PADDED.augmentation, vertical_flip=True, rotation_degrees=30))


@pytest.mark.parametrize("recipe", [PADDED, TURNED], ids=["padded", "turned"])
@given(
    down=st.integers(-4, 4),
    right=st.integers(-4, 4),
    horizontal=st.booleans(),
    vertical=st.booleans(),
    angle=st.floats(-30, 30, width=32),
)
@settings(deadline=None, max_examples=100)
def test_one_image_matches_torchvisions_padded_crop_then_flip(recipe, down, right, horizontal, vertical, angle):
    is_turned = bool(recipe.augmentation.rotation_degrees)
    drawn = parameters(
        horizontal=horizontal,
        vertical=vertical and is_turned,
        angle=angle if is_turned else 0.0,
        side=32,
        down=down,
        right=right,
    )
    images = random_images(1, 3, 32, seed=5)

    assert_same(augment(images, drawn, recipe.augmentation, 32)[0], by_torchvision(images[0], drawn, recipe))


def test_a_drawn_batch_matches_torchvisions_modules_image_by_image(monkeypatch):
    images = random_images(40, 3, 32)
    drawn = draw_parameters(PADDED.augmentation, 40, 32, torch.Generator().manual_seed(0))
    found = augment(images, drawn, PADDED.augmentation, 32)
    reference = training_transform(PADDED.augmentation, 32)
    for k in range(40):
        place = (4 + drawn.shift_down[k].item(), 4 + drawn.shift_right[k].item(), 32, 32)
        monkeypatch.setattr(transforms.RandomCrop, "get_params", lambda *_, place=place: place)
        draw = 0.9 - 0.8 * drawn.horizontal_flip[k].item()  # an image is flipped below 0.5
        monkeypatch.setattr(torch, "rand", lambda *_, draw=draw: draw)
        assert_same(found[k], reference(transforms.functional.to_pil_image(images[k])))


def test_pixels_beyond_the_image_have_the_mean_colour():
    white = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    out = augment(white, parameters(side=32, down=-4, right=3), PADDED.augmentation, 32)[0]

    assert not out[:, :4].any()
    assert not out[:, :, 29:].any()
    assert (out[:, 4:, :29] > 0).all()


def test_test_images_are_not_shifted():
    images = random_images(3, 3, 32)
    plain = replace(PADDED.augmentation, padding=0)
    assert torch.equal(prepare(images, PADDED.augmentation, 32), prepare(images, plain, 32))


def test_reference_pipeline_pads_before_it_flips():
    names = [type(part).__name__ for part in training_transform(PADDED.augmentation, 32).transforms]
    assert names == ["ToTensor", "Normalize", "RandomCrop", "RandomHorizontalFlip"]
