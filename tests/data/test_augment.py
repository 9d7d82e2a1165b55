from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import functional as tv

from harness.config.recipe import Augmentation
from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, GTSRB
from harness.data.augment import augment, prepare
from harness.data.augment_parameters import draw_parameters
from harness.data.images import PackedPixels
from tests.data.augmenting import (
    SMALL,
    angles,
    assert_same,
    by_name,
    by_torchvision,
    channels_of,
    crops,
    parameters,
    pillow,
    random_images,
)


def corners(images):
    return images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]


@pytest.mark.parametrize("recipe", SMALL, ids=by_name)
@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_one_image_matches_torchvision_for_the_same_parameters(recipe, data):
    degrees = recipe.augmentation.rotation_degrees
    drawn = parameters(
        horizontal=data.draw(st.booleans()),
        vertical=data.draw(st.booleans()),
        angle=data.draw(angles(degrees)) if degrees else 0.0,
        **data.draw(crops(recipe)),
    )
    images = random_images(1, channels_of(recipe), recipe.image_size, seed=data.draw(st.integers(0, 2**32)))

    found = augment(images, drawn, recipe.augmentation, recipe.image_size)[0]

    assert_same(found, by_torchvision(images[0], drawn, recipe))


@pytest.mark.parametrize("recipe", SMALL, ids=by_name)
def test_a_drawn_batch_matches_torchvision_image_by_image(recipe):
    count, size = 200, recipe.image_size
    images = random_images(count, channels_of(recipe), size)
    drawn = draw_parameters(recipe.augmentation, count, size, torch.Generator().manual_seed(0))

    found = augment(images, drawn, recipe.augmentation, size)

    for k in range(count):
        assert_same(found[k], by_torchvision(images[k], drawn[k : k + 1], recipe))


@pytest.mark.parametrize("left", range(5))
@pytest.mark.parametrize("top", range(5))
def test_every_smallest_crop_of_cifar10_matches_torchvision(top, left):
    images, drawn = random_images(1, 3, 32), parameters(side=28, top=top, left=left)

    assert_same(augment(images, drawn, CIFAR10.augmentation, 32)[0], by_torchvision(images[0], drawn, CIFAR10))


@pytest.mark.parametrize("recipe", SMALL, ids=by_name)
def test_packed_images_of_one_size_are_the_same_as_a_batch(recipe):
    images = random_images(9, channels_of(recipe), recipe.image_size)
    drawn = draw_parameters(recipe.augmentation, 9, recipe.image_size, torch.Generator().manual_seed(0))
    size, augmentation = recipe.image_size, recipe.augmentation

    packed = PackedPixels.from_images(list(images))
    assert torch.equal(augment(packed, drawn, augmentation, size), augment(images, drawn, augmentation, size))
    assert torch.equal(prepare(packed, augmentation, size), prepare(images, augmentation, size))


@pytest.mark.parametrize("recipe", [*SMALL, replace(GTSRB, image_size=40)], ids=by_name)
def test_an_images_result_does_not_depend_on_the_rest_of_its_batch(recipe):
    size, augmentation = recipe.image_size, recipe.augmentation
    images = random_images(8, channels_of(recipe), size)
    drawn = draw_parameters(augmentation, 8, size, torch.Generator().manual_seed(0))
    order = torch.tensor([3, 1, 7, 0, 5, 2, 6, 4])

    together = augment(images, drawn, augmentation, size)
    reordered = augment(images[order], drawn[order], augmentation, size)
    alone = augment(images[3:4], drawn[3:4], augmentation, size)

    assert (reordered - together[order]).abs().max() <= 1e-6
    assert (alone[0] - together[3]).abs().max() <= 1e-6


@pytest.mark.parametrize("recipe", [CIFAR10, FASHIONMNIST, replace(GTSRB, image_size=40)], ids=by_name)
def test_each_image_draws_its_own_parameters(recipe):
    size = recipe.image_size
    same_image = random_images(1, channels_of(recipe), size).expand(16, -1, -1, -1)
    drawn = draw_parameters(recipe.augmentation, 16, size, torch.Generator().manual_seed(0))

    out = augment(same_image, drawn, recipe.augmentation, size)

    assert len(drawn.angle_degrees.unique()) == 16
    # Two angles a tenth of a degree apart can turn a small image alike.
    assert len({tuple(image.flatten().tolist()) for image in out}) >= 14


@pytest.mark.parametrize("recipe", [CIFAR10, replace(GTSRB, image_size=40)], ids=by_name)
def test_augmentation_does_not_change_its_input(recipe):
    images = random_images(4, 3, recipe.image_size)
    kept = images.clone()
    drawn = draw_parameters(recipe.augmentation, 4, recipe.image_size, torch.Generator().manual_seed(0))

    augment(images, drawn, recipe.augmentation, recipe.image_size)
    prepare(images, recipe.augmentation, recipe.image_size)

    assert torch.equal(images, kept)


@pytest.mark.parametrize("recipe", SMALL, ids=by_name)
def test_test_images_are_only_normalised(recipe):
    images = random_images(5, channels_of(recipe), recipe.image_size)

    found = prepare(images, recipe.augmentation, recipe.image_size)

    for k, image in enumerate(images):
        expected = tv.normalize(tv.to_tensor(pillow(image)), recipe.augmentation.mean, recipe.augmentation.std)
        assert_same(found[k], expected)


def test_normalisation_matches_hand_computed_values():
    images = torch.tensor([0, 51, 255, 102], dtype=torch.uint8).reshape(1, 1, 2, 2)
    augmentation = Augmentation(mean=(0.2,), std=(0.4,))

    assert prepare(images, augmentation, 2).flatten().tolist() == pytest.approx([-0.5, 0.0, 2.0, 0.5], abs=1e-6)


def test_flips_match_hand_computed_values():
    images = torch.tensor([[0, 1], [2, 3]], dtype=torch.uint8).reshape(1, 1, 2, 2) * 85
    augmentation = Augmentation(mean=(0.0,), std=(1 / 3,), horizontal_flip=True, vertical_flip=True)

    def flipped(**flip):
        return augment(images, parameters(side=2, **flip), augmentation, 2).flatten().tolist()

    assert flipped() == pytest.approx([0, 1, 2, 3])
    assert flipped(horizontal=True) == pytest.approx([1, 0, 3, 2])
    assert flipped(vertical=True) == pytest.approx([2, 3, 0, 1])
    assert flipped(horizontal=True, vertical=True) == pytest.approx([3, 2, 1, 0])


@pytest.mark.parametrize(("recipe", "size"), [(CIFAR10, 28), (CIFAR10, 33), (FASHIONMNIST, 32), (DIGITS, 32)])
@pytest.mark.parametrize("packed", [False, True])
def test_images_of_another_size_are_refused_without_resize(recipe, size, packed):
    batch = random_images(3, channels_of(recipe), size)
    images = PackedPixels.from_images(list(batch)) if packed else batch
    drawn = draw_parameters(recipe.augmentation, 3, recipe.image_size, torch.Generator().manual_seed(0))
    message = f"images are {size}×{size}, the recipe expects {recipe.image_size}×{recipe.image_size}"

    with pytest.raises(ValueError, match=message):
        augment(images, drawn, recipe.augmentation, recipe.image_size)
    with pytest.raises(ValueError, match=message):
        prepare(images, recipe.augmentation, recipe.image_size)


def test_one_image_of_another_size_among_many_is_refused():
    images = PackedPixels.from_images([*random_images(3, 3, 32), *random_images(1, 3, 32, 30)])

    with pytest.raises(ValueError, match="images are 30×32, the recipe expects 32×32"):
        prepare(images, CIFAR10.augmentation, 32)


@pytest.mark.parametrize("recipe", [CIFAR10, GTSRB], ids=by_name)
def test_an_empty_batch_is_refused(recipe):
    nothing = PackedPixels.from_images(list(random_images(2, 3, 32))).select(torch.tensor([], dtype=torch.int64))

    with pytest.raises(ValueError, match="batch is empty"):
        prepare(nothing, recipe.augmentation, recipe.image_size)


@pytest.mark.parametrize("recipe", [CIFAR10, FASHIONMNIST], ids=by_name)
@pytest.mark.parametrize("angle", [30.0, -30.0])
def test_corners_of_a_rotated_image_have_the_mean_colour(recipe, angle):
    white = torch.full((1, channels_of(recipe), recipe.image_size, recipe.image_size), 255, dtype=torch.uint8)

    out = augment(white, parameters(angle=angle, side=recipe.image_size), recipe.augmentation, recipe.image_size)

    assert torch.equal(corners(out), torch.zeros(1, channels_of(recipe), 4))
    assert (out[:, :, recipe.image_size // 2, recipe.image_size // 2] > 1).all()


def test_a_positive_angle_rotates_counter_clockwise():
    images = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 13:15, 24:] = 255  # a mark on the right
    out = augment(images, parameters(angle=30.0, side=28), FASHIONMNIST.augmentation, 28)[0, 0]

    rows, columns = torch.nonzero(out > 1, as_tuple=True)
    assert rows.float().mean() < 10
    assert columns.float().mean() > 20
