from dataclasses import replace

import pytest
import torch
from torchvision import transforms

from harness.config.recipe import Augmentation
from harness.config.recipes import CIFAR10, FASHIONMNIST, GTSRB
from harness.data.augment_parameters import draw_parameters
from tests.data.augmenting import drawn_fields


def test_equal_seeds_draw_equal_values_and_other_seeds_others():
    def drawn(seed):
        return drawn_fields(draw_parameters(CIFAR10.augmentation, 100, 32, torch.Generator().manual_seed(seed)))

    first, again, other = drawn(1), drawn(1), drawn(2)
    for name in first:
        assert torch.equal(first[name], again[name])
        assert name.startswith("shift") or not torch.equal(first[name], other[name])


def test_drawing_twice_from_one_generator_differs():
    generator = torch.Generator().manual_seed(1)
    first, second = (draw_parameters(CIFAR10.augmentation, 100, 32, generator) for _ in range(2))

    assert not torch.equal(first.angle_degrees, second.angle_degrees)


def test_drawing_leaves_the_global_random_state_unchanged():
    before = torch.get_rng_state()
    draw_parameters(CIFAR10.augmentation, 100, 32, torch.Generator().manual_seed(1))

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("off", "changed"),
    [
        ({"horizontal_flip": False}, {"horizontal_flip"}),
        ({"vertical_flip": False}, {"vertical_flip"}),
        ({"rotation_degrees": 0.0}, {"angle_degrees"}),
        ({"crop_scale": None}, {"crop_side", "crop_top", "crop_left"}),
    ],
)
def test_switching_one_part_off_keeps_the_other_parts_numbers(off, changed):
    full = drawn_fields(draw_parameters(CIFAR10.augmentation, 100, 32, torch.Generator().manual_seed(1)))
    without = drawn_fields(
        draw_parameters(replace(CIFAR10.augmentation, **off), 100, 32, torch.Generator().manual_seed(1))
    )

    assert {name for name in full if not torch.equal(full[name], without[name])} == changed


def test_parts_switched_off_are_drawn_as_no_change():
    plain = Augmentation(mean=(0.5,), std=(0.5,))
    drawn = draw_parameters(plain, 1000, 32, torch.Generator().manual_seed(0))

    assert not drawn.horizontal_flip.any()
    assert not drawn.vertical_flip.any()
    assert not drawn.angle_degrees.any()
    assert (drawn.crop_side == 32).all()
    assert not drawn.crop_top.any()
    assert not drawn.crop_left.any()


def test_padding_changes_no_other_draw():
    """Recipes without padding draw the numbers that they drew before there was one."""
    plain = replace(CIFAR10.augmentation, crop_scale=None)
    without, padded = (
        drawn_fields(draw_parameters(one, 100, 32, torch.Generator().manual_seed(1)))
        for one in (plain, replace(plain, padding=4))
    )

    assert {name for name in without if not torch.equal(without[name], padded[name])} == {"shift_down", "shift_right"}
    assert without["angle_degrees"][:3].tolist() == pytest.approx([7.2656965, -22.182806, 25.6125069], abs=1e-6)


def test_shifts_are_uniform_over_the_positions_of_torchvisions_padded_crop():
    padded = Augmentation(mean=(0.5,), std=(0.5,), padding=4)
    drawn = draw_parameters(padded, COUNT, 32, torch.Generator().manual_seed(0))

    for shift in (drawn.shift_down, drawn.shift_right):
        shares = torch.bincount(shift + 4, minlength=9) / COUNT
        assert shares.tolist() == pytest.approx([1 / 9] * 9, abs=0.02)
    assert len(set(zip(drawn.shift_down.tolist(), drawn.shift_right.tolist(), strict=True))) == 81


COUNT = 10_000


@pytest.fixture(scope="module")
def many():
    return draw_parameters(CIFAR10.augmentation, COUNT, 32, torch.Generator().manual_seed(0))


def test_every_field_has_one_value_per_image(many):
    assert {value.shape for value in drawn_fields(many).values()} == {(COUNT,)}


def test_half_of_the_images_are_flipped_each_way_independently(many):
    horizontal, vertical = many.horizontal_flip.float(), many.vertical_flip.float()

    assert horizontal.mean().item() == pytest.approx(0.5, abs=0.02)
    assert vertical.mean().item() == pytest.approx(0.5, abs=0.02)
    assert (horizontal * vertical).mean().item() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("recipe", "most"), [(CIFAR10, 30), (FASHIONMNIST, 30), (GTSRB, 45)], ids=["c", "f", "g"])
def test_angles_are_uniform_in_both_directions(recipe, most):
    angle = draw_parameters(
        recipe.augmentation, COUNT, recipe.image_size, torch.Generator().manual_seed(0)
    ).angle_degrees

    assert -most <= angle.min() < -0.99 * most
    assert 0.99 * most < angle.max() <= most
    deciles = torch.histc(angle, bins=10, min=-most, max=most) / COUNT
    assert deciles.tolist() == pytest.approx([0.1] * 10, abs=0.015)


def test_crop_sides_of_cifar10_are_as_frequent_as_their_areas(many):
    # The area is uniform in 768…1024; a side s has those that round to it: (s − ½)² to (s + ½)².
    shares = {28: 44.25, 29: 58, 30: 60, 31: 62, 32: 31.75}

    found = {side: (many.crop_side == side).float().mean().item() for side in range(20, 40)}

    assert {side for side, share in found.items() if share} == set(shares)
    for side, share in shares.items():
        assert found[side] == pytest.approx(share / 256, abs=0.02)


def test_crop_offsets_are_uniform_over_valid_positions(many):
    for offsets in (many.crop_top, many.crop_left):
        for side in range(28, 33):
            inside = offsets[many.crop_side == side]
            positions = 33 - side
            shares = torch.bincount(inside, minlength=positions) / len(inside)
            assert shares.tolist() == pytest.approx([1 / positions] * positions, abs=0.06)


def test_top_and_left_are_drawn_independently(many):
    smallest = many.crop_side == 28
    pairs = set(zip(many.crop_top[smallest].tolist(), many.crop_left[smallest].tolist(), strict=True))

    assert pairs == {(top, left) for top in range(5) for left in range(5)}


def test_draws_have_the_range_of_torchvisions_draws(many):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        image = torch.empty(3, 32, 32)
        boxes = {
            tuple(transforms.RandomResizedCrop.get_params(image, scale=[0.75, 1.0], ratio=[1.0, 1.0]))
            for _ in range(3000)
        }
        turns = [transforms.RandomRotation.get_params([-30.0, 30.0]) for _ in range(3000)]
    ours = set(zip(*(value.tolist() for value in (many.crop_top, many.crop_left, many.crop_side)), strict=True))

    assert all(height == width for _, _, height, width in boxes)
    # 1 + 4 + 9 + 16 + 25 boxes
    assert ours == {(top, left, height) for top, left, height, _ in boxes}
    assert len(ours) == 55
    assert many.angle_degrees.min().item() == pytest.approx(min(turns), abs=0.1)
    assert many.angle_degrees.max().item() == pytest.approx(max(turns), abs=0.1)


def test_a_draw_can_be_moved_and_sliced():
    drawn = draw_parameters(CIFAR10.augmentation, 10, 32, torch.Generator().manual_seed(0))

    for name, value in drawn_fields(drawn[torch.tensor([4, 2])].to(torch.device("cpu"))).items():
        assert torch.equal(value, getattr(drawn, name)[[4, 2]])
