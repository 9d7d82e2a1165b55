from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import functional as tv

from harness.config.recipe import Augmentation
from harness.config.recipes import GTSRB
from harness.data import augment_rotate_first
from harness.data.augment import augment, prepare
from harness.data.augment_parameters import AugmentationParameters, draw_parameters
from harness.data.images import PackedPixels
from tests.data.augmenting import (
    angles,
    assert_same,
    by_torchvision,
    parameters,
    pillow,
    random_images,
    sides,
)


@given(
    height=sides,
    width=sides,
    angle=angles(45.0),
    horizontal=st.booleans(),
    vertical=st.booleans(),
    seed=st.integers(0, 2**32),
)
@example(height=15, width=15, angle=45.0, horizontal=False, vertical=False, seed=0)
@example(height=15, width=250, angle=-45.0, horizontal=True, vertical=False, seed=0)
@example(height=250, width=15, angle=30.0, horizontal=False, vertical=True, seed=0)
@example(height=250, width=250, angle=-30.0, horizontal=True, vertical=True, seed=0)
@example(height=225, width=225, angle=45.0, horizontal=False, vertical=False, seed=0)
@example(height=225, width=15, angle=0.0, horizontal=False, vertical=False, seed=0)
@settings(deadline=None, max_examples=40)
def test_a_traffic_sign_matches_torchvision_for_the_same_parameters(height, width, angle, horizontal, vertical, seed):
    images = random_images(1, 3, height, width, seed)
    drawn = parameters(horizontal=horizontal, vertical=vertical, angle=angle)

    assert_same(augment(images, drawn, GTSRB.augmentation, 225)[0], by_torchvision(images[0], drawn, GTSRB))


@given(height=sides, width=sides, angle=angles(45.0))
@settings(deadline=None, max_examples=100)
def test_rotation_of_a_traffic_sign_is_pillows_bit_for_bit(height, width, angle):
    plain = Augmentation(mean=(0.0,), std=(1.0,), rotation_degrees=45, rotate_first=True)
    size = max(height, width)
    padded = torch.zeros(1, 1, size, size, dtype=torch.uint8)  # a square, so that nothing is resized
    padded[:, :, :height, :width] = random_images(1, 1, height, width)

    found = augment(padded, parameters(angle=angle), plain, size)[0, 0] * 255
    angle_drawn = torch.tensor(angle, dtype=torch.float32).item()

    expected = torch.from_numpy(np.array(pillow(padded[0]).rotate(angle_drawn, Image.Resampling.NEAREST)))
    assert torch.equal(found.round().to(torch.uint8), expected)


def test_a_mixed_batch_of_traffic_signs_comes_back_in_order():
    shapes = [(15, 20), (40, 40), (15, 20), (250, 31), (40, 40), (15, 20), (20, 15)]
    images = [random_images(1, 3, *shape, seed=k)[0] for k, shape in enumerate(shapes)]
    drawn = draw_parameters(GTSRB.augmentation, len(images), 64, torch.Generator().manual_seed(3))
    recipe = replace(GTSRB, image_size=64)

    packed = PackedPixels.from_images(images)

    found, prepared = augment(packed, drawn, GTSRB.augmentation, 64), prepare(packed, GTSRB.augmentation, 64)

    assert found.shape == prepared.shape == (7, 3, 64, 64)
    for k, image in enumerate(images):
        assert_same(found[k], by_torchvision(image, drawn[k : k + 1], recipe))
        assert_same(prepared[k], by_torchvision(image, parameters(), recipe))


lengths = st.one_of(st.sampled_from([1, 2, 31, 32, 33, 40, 64, 65, 130]), st.integers(1, 130))


@pytest.fixture(params=["one by one", "at once", "at once, in blocks of one image"])
def way_of_resizing(request, monkeypatch):
    """The way of a CPU, the way of a GPU, and that of either with very large images."""
    if request.param != "one by one":
        monkeypatch.setattr(augment_rotate_first, "_ONE_BY_ONE_ON", ())
    monkeypatch.setattr(augment_rotate_first, "_CPU_BLOCK_BYTES", 1 if "blocks" in request.param else 2**30)


@given(
    cases=st.lists(st.tuples(lengths, lengths, angles(45.0), st.booleans(), st.booleans()), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
)
@example(cases=[(1, 40, 45.0, True, False), (40, 1, -45.0, False, True), (1, 1, 10.0, True, True)], seed=0)
@example(cases=[(130, 129, 45.0, True, False), (40, 40, -45.0, False, True), (32, 17, 10.0, True, True)], seed=0)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_image_of_a_mixed_batch_matches_torchvision(way_of_resizing, cases, seed):
    recipe = replace(GTSRB, image_size=40)
    images = [random_images(1, 3, height, width, seed + k)[0] for k, (height, width, *_) in enumerate(cases)]
    packed = PackedPixels.from_images(images)
    drawn = [
        parameters(angle=angle, horizontal=horizontal, vertical=vertical) for *_, angle, horizontal, vertical in cases
    ]
    all_drawn = AugmentationParameters(
        **{
            field.name: torch.cat([getattr(one, field.name) for one in drawn])
            for field in fields(AugmentationParameters)
        }
    )

    found = augment(packed, all_drawn, recipe.augmentation, 40)
    prepared = prepare(packed, recipe.augmentation, 40)

    for k, image in enumerate(images):
        assert_same(found[k], by_torchvision(image, drawn[k], recipe))
        assert_same(prepared[k], by_torchvision(image, parameters(), recipe))


@given(height=lengths, width=lengths, angle=angles(45.0))
@settings(deadline=None, max_examples=60)
def test_a_rotation_among_larger_images_is_pillows_bit_for_bit(height, width, angle):
    image, larger = random_images(1, 1, height, width)[0], random_images(1, 1, 140, 150)[0]
    expected = np.array(pillow(image).rotate(parameters(angle=angle).angle_degrees.item(), Image.Resampling.NEAREST))
    packed = PackedPixels.from_images([larger, image, larger])
    placed = torch.stack([packed.offsets, packed.heights, packed.widths])
    turned = augment_rotate_first._frames(packed, placed, (140, 150), torch.full((3,), angle, dtype=torch.float32))

    assert np.array_equal(turned[1, :height, 0, :width].numpy(), expected.reshape(height, width))


def test_hundreds_of_sizes_make_a_handful_of_blocks(monkeypatch):
    images = [random_images(1, 3, 15 + k, 15 + (7 * k) % 236)[0] for k in range(236)]
    blocks = []
    monkeypatch.setattr(augment_rotate_first, "_CPU_BLOCK_BYTES", 2**30)
    monkeypatch.setattr(
        augment_rotate_first, "_fill_block", lambda out, place, images, *_: blocks.append(set(place.tolist()))
    )

    prepare(PackedPixels.from_images(images), GTSRB.augmentation, 40)

    assert len(blocks) <= 8
    assert sorted(position for block in blocks for position in block) == list(range(236))


@given(height=sides, width=sides)
@example(height=225, width=225)
@example(height=225, width=30)
@settings(deadline=None, max_examples=20)
def test_test_signs_are_only_normalised_and_resized(height, width):
    images = random_images(1, 3, height, width)

    found = prepare(images, GTSRB.augmentation, 225)[0]

    assert_same(found, tv.resize((tv.to_tensor(pillow(images[0])) - 0.5) / 0.5, [225, 225], antialias=True))


def corners(images):
    return images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]


@pytest.mark.parametrize("size", [50, 225, 250])
@pytest.mark.parametrize("angle", [30.0, -45.0])
def test_corners_of_a_rotated_traffic_sign_are_black(size, angle):
    white = torch.full((1, 3, size, size), 255, dtype=torch.uint8)

    out = augment(white, parameters(angle=angle), GTSRB.augmentation, 225)

    assert corners(out).flatten().tolist() == pytest.approx([-1.0] * 12, abs=1e-6)
    assert out[0, :, 112, 112].tolist() == pytest.approx([1.0] * 3, abs=1e-6)


def test_each_draw_stays_with_its_image_when_sizes_differ():
    images = [torch.full((3, size, size), 255, dtype=torch.uint8) for size in (20, 30, 20, 30)]
    images[1][:, :, :15] = 0  # its left half black: its right half once flipped
    flipped = [parameters(horizontal=flip) for flip in (False, True, False, False)]
    drawn = AugmentationParameters(
        **{
            field.name: torch.cat([getattr(one, field.name) for one in flipped])
            for field in fields(AugmentationParameters)
        }
    )

    out = augment(PackedPixels.from_images(images), drawn, GTSRB.augmentation, 30)

    assert (out[1, :, :, :15] == 1).all()
    assert (out[1, :, :, 15:] == -1).all()
    assert out[[0, 2, 3]].flatten().tolist() == pytest.approx([1.0] * 3 * 3 * 30 * 30, abs=1e-6)
