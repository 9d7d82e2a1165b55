"""Augmentation by torchvision, image by image, and the draws and images to compare it on."""

from dataclasses import fields

import torch
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST
from harness.data.augment_parameters import AugmentationParameters

TOLERANCE = 1e-5
SMALL = [CIFAR10, FASHIONMNIST, DIGITS]
CROP_SIDES = {"cifar10": (28, 32), "digits": (8, 8), "fashionmnist": (28, 28)}


def by_name(recipe):
    return recipe.name


def channels_of(recipe):
    return len(recipe.augmentation.mean)


def random_images(count, channels, height, width=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, height, width or height), generator=generator, dtype=torch.uint8)


def parameters(*, horizontal=False, vertical=False, angle=0.0, side=0, top=0, left=0, down=0, right=0):
    return AugmentationParameters(
        horizontal_flip=torch.tensor([horizontal]),
        vertical_flip=torch.tensor([vertical]),
        angle_degrees=torch.tensor([angle], dtype=torch.float32),
        crop_side=torch.tensor([side]),
        crop_top=torch.tensor([top]),
        crop_left=torch.tensor([left]),
        shift_down=torch.tensor([down]),
        shift_right=torch.tensor([right]),
    )


def pillow(image):
    return Image.fromarray(image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy())


def flips(image, drawn):
    if drawn.horizontal_flip.item():
        image = tv.hflip(image)
    return tv.vflip(image) if drawn.vertical_flip.item() else image


def by_torchvision(image, drawn, recipe):
    augmentation, size, angle = recipe.augmentation, recipe.image_size, drawn.angle_degrees.item()
    mean, std = augmentation.mean, augmentation.std
    if augmentation.rotate_first:
        turned = tv.rotate(pillow(image), angle, InterpolationMode.NEAREST, fill=0)
        return flips(tv.resize(tv.normalize(tv.to_tensor(turned), mean, std), [size, size], antialias=True), drawn)
    out = tv.normalize(tv.to_tensor(pillow(image)), mean, std)
    if augmentation.padding:
        top, left = (augmentation.padding + shift.item() for shift in (drawn.shift_down, drawn.shift_right))
        out = tv.crop(tv.pad(out, augmentation.padding), top, left, size, size)
    out = flips(out, drawn)
    if augmentation.rotation_degrees:
        out = tv.rotate(out, angle, InterpolationMode.NEAREST, fill=0)
    if augmentation.crop_scale:
        top, left, side = (value.item() for value in (drawn.crop_top, drawn.crop_left, drawn.crop_side))
        out = tv.resized_crop(out, top, left, side, side, [size, size], antialias=True)
    return out


def assert_same(found, expected):
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    assert (found - expected).abs().max().item() <= TOLERANCE


def angles(most):
    return st.one_of(
        st.sampled_from([0.0, -0.0, most, -most, most / 2, -most / 2, 15.0, 22.5, 1e-6, -1e-6]),
        st.floats(-most, most, width=32),
    )


def crops(recipe):
    least, most = CROP_SIDES[recipe.name]

    def at(side):
        offset = st.integers(0, recipe.image_size - side)
        return st.fixed_dictionaries({"side": st.just(side), "top": offset, "left": offset})

    return st.integers(least, most).flatmap(at)


def drawn_fields(drawn):
    return {field.name: getattr(drawn, field.name) for field in fields(drawn)}


sides = st.integers(15, 250)
