from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, GTSRB, Augmentation
from harness.data import augment as augment_module
from harness.data.augment import Draw, augment, draw, prepare
from harness.data.images import PackedPixels

TOLERANCE = 1e-5
SMALL = [CIFAR10, FASHIONMNIST, DIGITS]
CROP_SIDES = {"cifar10": (28, 32), "digits": (7, 8), "fashionmnist": (28, 28)}


def by_name(recipe):
    return recipe.name


def channels_of(recipe):
    return len(recipe.augmentation.mean)


def random_images(count, channels, height, width=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, height, width or height), generator=generator, dtype=torch.uint8)


def parameters(*, horizontal=False, vertical=False, angle=0.0, side=0, top=0, left=0):
    return Draw(
        horizontal_flip=torch.tensor([horizontal]),
        vertical_flip=torch.tensor([vertical]),
        angle_degrees=torch.tensor([angle], dtype=torch.float32),
        crop_side=torch.tensor([side]),
        crop_top=torch.tensor([top]),
        crop_left=torch.tensor([left]),
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
    out = flips(tv.normalize(tv.to_tensor(pillow(image)), mean, std), drawn)
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


@pytest.mark.parametrize("recipe", SMALL, ids=by_name)
@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_one_image_is_torchvisions_for_the_same_parameters(recipe, data):
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
def test_a_drawn_batch_is_torchvisions_image_by_image(recipe):
    count, size = 200, recipe.image_size
    images = random_images(count, channels_of(recipe), size)
    drawn = draw(recipe.augmentation, count, size, torch.Generator().manual_seed(0))

    found = augment(images, drawn, recipe.augmentation, size)

    for k in range(count):
        assert_same(found[k], by_torchvision(images[k], drawn[k : k + 1], recipe))


@pytest.mark.parametrize("left", range(5))
@pytest.mark.parametrize("top", range(5))
def test_every_smallest_crop_of_cifar10_is_torchvisions(top, left):
    images, drawn = random_images(1, 3, 32), parameters(side=28, top=top, left=left)

    assert_same(augment(images, drawn, CIFAR10.augmentation, 32)[0], by_torchvision(images[0], drawn, CIFAR10))


sides = st.integers(15, 250)


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
def test_a_traffic_sign_is_torchvisions_for_the_same_parameters(height, width, angle, horizontal, vertical, seed):
    images = random_images(1, 3, height, width, seed)
    drawn = parameters(horizontal=horizontal, vertical=vertical, angle=angle)

    assert_same(augment(images, drawn, GTSRB.augmentation, 225)[0], by_torchvision(images[0], drawn, GTSRB))


@given(height=sides, width=sides, angle=angles(45.0))
@settings(deadline=None, max_examples=100)
def test_the_rotation_of_a_traffic_sign_is_pillows_bit_for_bit(height, width, angle):
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
    drawn = draw(GTSRB.augmentation, len(images), 64, torch.Generator().manual_seed(3))
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
    """As a CPU does it, as a GPU does it, and as either does it with very large images."""
    if request.param != "one by one":
        monkeypatch.setattr(augment_module, "_ONE_BY_ONE_ON", ())
    monkeypatch.setattr(augment_module, "_CPU_BLOCK_BYTES", 1 if "blocks" in request.param else 2**30)


@given(
    cases=st.lists(st.tuples(lengths, lengths, angles(45.0), st.booleans(), st.booleans()), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
)
@example(cases=[(1, 40, 45.0, True, False), (40, 1, -45.0, False, True), (1, 1, 10.0, True, True)], seed=0)
@example(cases=[(130, 129, 45.0, True, False), (40, 40, -45.0, False, True), (32, 17, 10.0, True, True)], seed=0)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_image_of_a_mixed_batch_is_torchvisions(way_of_resizing, cases, seed):
    recipe = replace(GTSRB, image_size=40)
    images = [random_images(1, 3, height, width, seed + k)[0] for k, (height, width, *_) in enumerate(cases)]
    packed = PackedPixels.from_images(images)
    drawn = [
        parameters(angle=angle, horizontal=horizontal, vertical=vertical) for *_, angle, horizontal, vertical in cases
    ]
    all_drawn = Draw(**{field.name: torch.cat([getattr(one, field.name) for one in drawn]) for field in fields(Draw)})

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
    turned = augment_module._frames(packed, placed, (140, 150), torch.full((3,), angle, dtype=torch.float32))

    assert np.array_equal(turned[1, :height, 0, :width].numpy(), expected.reshape(height, width))


@given(source=st.integers(1, 400), target=st.sampled_from([1, 8, 28, 64, 225]), beyond=st.integers(0, 3))
@example(source=295, target=225, beyond=0)  # a pixel at the very end of its reach, which float32 rounds away
@settings(deadline=None, max_examples=100)
def test_the_resize_is_torchs_own_and_zero_beyond_the_image(source, target, beyond):
    identity = torch.eye(source)[None, None]
    size = (target, source)
    expected = torch.nn.functional.interpolate(identity, size, mode="bilinear", antialias=True, align_corners=False)

    found, mirrored = augment_module._resize_matrices(
        torch.tensor([source, source]), source + beyond, target, mirrored=torch.tensor([False, True])
    )

    assert (found[:, :source] - expected[0, 0]).abs().max().item() <= 2.5e-7
    assert torch.equal(found[:, source:], torch.zeros(target, beyond))
    assert torch.equal(mirrored, found.flip(0))


def test_hundreds_of_sizes_are_a_handful_of_batches(monkeypatch):
    images = [random_images(1, 3, 15 + k, 15 + (7 * k) % 236)[0] for k in range(236)]
    batches = []
    monkeypatch.setattr(augment_module, "_CPU_BLOCK_BYTES", 2**30)
    monkeypatch.setattr(
        augment_module, "_fill_block", lambda out, place, images, *_: batches.append(set(place.tolist()))
    )

    prepare(PackedPixels.from_images(images), GTSRB.augmentation, 40)

    assert len(batches) <= 8
    assert sorted(position for batch in batches for position in batch) == list(range(236))


@pytest.mark.parametrize("recipe", SMALL, ids=by_name)
def test_packed_images_of_one_size_are_the_same_as_a_batch(recipe):
    images = random_images(9, channels_of(recipe), recipe.image_size)
    drawn = draw(recipe.augmentation, 9, recipe.image_size, torch.Generator().manual_seed(0))
    size, augmentation = recipe.image_size, recipe.augmentation

    packed = PackedPixels.from_images(list(images))
    assert torch.equal(augment(packed, drawn, augmentation, size), augment(images, drawn, augmentation, size))
    assert torch.equal(prepare(packed, augmentation, size), prepare(images, augmentation, size))


@pytest.mark.parametrize("recipe", [*SMALL, replace(GTSRB, image_size=40)], ids=by_name)
def test_an_images_result_does_not_depend_on_its_company(recipe):
    size, augmentation = recipe.image_size, recipe.augmentation
    images = random_images(8, channels_of(recipe), size)
    drawn = draw(augmentation, 8, size, torch.Generator().manual_seed(0))
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
    drawn = draw(recipe.augmentation, 16, size, torch.Generator().manual_seed(0))

    out = augment(same_image, drawn, recipe.augmentation, size)

    assert len(drawn.angle_degrees.unique()) == 16
    # Two angles a tenth of a degree apart can turn a small image alike.
    assert len({tuple(image.flatten().tolist()) for image in out}) >= 14


@pytest.mark.parametrize("recipe", [CIFAR10, replace(GTSRB, image_size=40)], ids=by_name)
def test_the_given_images_are_left_as_they_were(recipe):
    images = random_images(4, 3, recipe.image_size)
    kept = images.clone()
    drawn = draw(recipe.augmentation, 4, recipe.image_size, torch.Generator().manual_seed(0))

    augment(images, drawn, recipe.augmentation, recipe.image_size)
    prepare(images, recipe.augmentation, recipe.image_size)

    assert torch.equal(images, kept)


def drawn_fields(drawn):
    return {field.name: getattr(drawn, field.name) for field in fields(drawn)}


def test_the_same_seed_draws_the_same_and_another_seed_others():
    def drawn(seed):
        return drawn_fields(draw(CIFAR10.augmentation, 100, 32, torch.Generator().manual_seed(seed)))

    first, again, other = drawn(1), drawn(1), drawn(2)
    for name in first:
        assert torch.equal(first[name], again[name])
        assert not torch.equal(first[name], other[name])


def test_drawing_twice_from_one_generator_draws_anew():
    generator = torch.Generator().manual_seed(1)
    first, second = (draw(CIFAR10.augmentation, 100, 32, generator) for _ in range(2))

    assert not torch.equal(first.angle_degrees, second.angle_degrees)


def test_drawing_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    draw(CIFAR10.augmentation, 100, 32, torch.Generator().manual_seed(1))

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
def test_switching_one_part_off_leaves_the_others_numbers(off, changed):
    full = drawn_fields(draw(CIFAR10.augmentation, 100, 32, torch.Generator().manual_seed(1)))
    without = drawn_fields(draw(replace(CIFAR10.augmentation, **off), 100, 32, torch.Generator().manual_seed(1)))

    assert {name for name in full if not torch.equal(full[name], without[name])} == changed


def test_what_is_switched_off_is_drawn_as_nothing():
    plain = Augmentation(mean=(0.5,), std=(0.5,))
    drawn = draw(plain, 1000, 32, torch.Generator().manual_seed(0))

    assert not drawn.horizontal_flip.any()
    assert not drawn.vertical_flip.any()
    assert not drawn.angle_degrees.any()
    assert (drawn.crop_side == 32).all()
    assert not drawn.crop_top.any()
    assert not drawn.crop_left.any()


COUNT = 10_000


@pytest.fixture(scope="module")
def many():
    return draw(CIFAR10.augmentation, COUNT, 32, torch.Generator().manual_seed(0))


def test_every_field_has_one_value_per_image(many):
    assert {value.shape for value in drawn_fields(many).values()} == {(COUNT,)}


def test_half_of_the_images_are_flipped_either_way_independently(many):
    horizontal, vertical = many.horizontal_flip.float(), many.vertical_flip.float()

    assert horizontal.mean().item() == pytest.approx(0.5, abs=0.02)
    assert vertical.mean().item() == pytest.approx(0.5, abs=0.02)
    assert (horizontal * vertical).mean().item() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("recipe", "most"), [(CIFAR10, 30), (FASHIONMNIST, 30), (GTSRB, 45)], ids=["c", "f", "g"])
def test_angles_are_uniform_in_both_directions(recipe, most):
    angle = draw(recipe.augmentation, COUNT, recipe.image_size, torch.Generator().manual_seed(0)).angle_degrees

    assert -most <= angle.min() < -0.99 * most
    assert 0.99 * most < angle.max() <= most
    deciles = torch.histc(angle, bins=10, min=-most, max=most) / COUNT
    assert deciles.tolist() == pytest.approx([0.1] * 10, abs=0.015)


def test_crop_sides_of_cifar10_are_as_often_as_their_areas(many):
    # The area is uniform in 768…1024; a side s has those that round to it: (s − ½)² to (s + ½)².
    shares = {28: 44.25, 29: 58, 30: 60, 31: 62, 32: 31.75}

    found = {side: (many.crop_side == side).float().mean().item() for side in range(20, 40)}

    assert {side for side, share in found.items() if share} == set(shares)
    for side, share in shares.items():
        assert found[side] == pytest.approx(share / 256, abs=0.02)


def test_crop_offsets_are_uniform_over_what_fits(many):
    for offsets in (many.crop_top, many.crop_left):
        for side in range(28, 33):
            inside = offsets[many.crop_side == side]
            positions = 33 - side
            shares = torch.bincount(inside, minlength=positions) / len(inside)
            assert shares.tolist() == pytest.approx([1 / positions] * positions, abs=0.06)


def test_top_and_left_are_drawn_apart(many):
    smallest = many.crop_side == 28
    pairs = set(zip(many.crop_top[smallest].tolist(), many.crop_left[smallest].tolist(), strict=True))

    assert pairs == {(top, left) for top in range(5) for left in range(5)}


def test_draws_have_the_range_of_torchvisions_own(many):
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


@pytest.mark.parametrize("recipe", SMALL, ids=by_name)
def test_test_images_are_normalised_alone(recipe):
    images = random_images(5, channels_of(recipe), recipe.image_size)

    found = prepare(images, recipe.augmentation, recipe.image_size)

    for k, image in enumerate(images):
        expected = tv.normalize(tv.to_tensor(pillow(image)), recipe.augmentation.mean, recipe.augmentation.std)
        assert_same(found[k], expected)


@given(height=sides, width=sides)
@example(height=225, width=225)
@example(height=225, width=30)
@settings(deadline=None, max_examples=20)
def test_test_signs_are_normalised_and_resized_alone(height, width):
    images = random_images(1, 3, height, width)

    found = prepare(images, GTSRB.augmentation, 225)[0]

    assert_same(found, tv.resize((tv.to_tensor(pillow(images[0])) - 0.5) / 0.5, [225, 225], antialias=True))


def test_normalising_by_hand():
    images = torch.tensor([0, 51, 255, 102], dtype=torch.uint8).reshape(1, 1, 2, 2)
    augmentation = Augmentation(mean=(0.2,), std=(0.4,))

    assert prepare(images, augmentation, 2).flatten().tolist() == pytest.approx([-0.5, 0.0, 2.0, 0.5], abs=1e-6)


def test_a_flip_by_hand():
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
def test_images_of_another_size_are_refused_where_nothing_resizes(recipe, size, packed):
    batch = random_images(3, channels_of(recipe), size)
    images = PackedPixels.from_images(list(batch)) if packed else batch
    drawn = draw(recipe.augmentation, 3, recipe.image_size, torch.Generator().manual_seed(0))
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

    with pytest.raises(ValueError, match="empty batch"):
        prepare(nothing, recipe.augmentation, recipe.image_size)


def corners(images):
    return images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]


@pytest.mark.parametrize("recipe", [CIFAR10, FASHIONMNIST], ids=by_name)
@pytest.mark.parametrize("angle", [30.0, -30.0])
def test_the_corners_of_a_turned_image_are_the_mean_colour(recipe, angle):
    white = torch.full((1, channels_of(recipe), recipe.image_size, recipe.image_size), 255, dtype=torch.uint8)

    out = augment(white, parameters(angle=angle, side=recipe.image_size), recipe.augmentation, recipe.image_size)

    assert torch.equal(corners(out), torch.zeros(1, channels_of(recipe), 4))
    assert (out[:, :, recipe.image_size // 2, recipe.image_size // 2] > 1).all()


@pytest.mark.parametrize("size", [50, 225, 250])
@pytest.mark.parametrize("angle", [30.0, -45.0])
def test_the_corners_of_a_turned_traffic_sign_are_black(size, angle):
    white = torch.full((1, 3, size, size), 255, dtype=torch.uint8)

    out = augment(white, parameters(angle=angle), GTSRB.augmentation, 225)

    assert corners(out).flatten().tolist() == pytest.approx([-1.0] * 12, abs=1e-6)
    assert out[0, :, 112, 112].tolist() == pytest.approx([1.0] * 3, abs=1e-6)


def test_a_positive_angle_turns_counter_clockwise():
    images = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    images[:, :, 13:15, 24:] = 255  # a mark on the right
    out = augment(images, parameters(angle=30.0, side=28), FASHIONMNIST.augmentation, 28)[0, 0]

    rows, columns = torch.nonzero(out > 1, as_tuple=True)
    assert rows.float().mean() < 10
    assert columns.float().mean() > 20


def test_a_draw_can_be_moved_and_sliced():
    drawn = draw(CIFAR10.augmentation, 10, 32, torch.Generator().manual_seed(0))

    for name, value in drawn_fields(drawn[torch.tensor([4, 2])].to(torch.device("cpu"))).items():
        assert torch.equal(value, getattr(drawn, name)[[4, 2]])


def test_the_draw_stays_with_its_image_whatever_the_sizes():
    images = [torch.full((3, size, size), 255, dtype=torch.uint8) for size in (20, 30, 20, 30)]
    images[1][:, :, :15] = 0  # its left half black: its right half once flipped
    flipped = [parameters(horizontal=flip) for flip in (False, True, False, False)]
    drawn = Draw(**{field.name: torch.cat([getattr(one, field.name) for one in flipped]) for field in fields(Draw)})

    out = augment(PackedPixels.from_images(images), drawn, GTSRB.augmentation, 30)

    assert (out[1, :, :, :15] == 1).all()
    assert (out[1, :, :, 15:] == -1).all()
    assert out[[0, 2, 3]].flatten().tolist() == pytest.approx([1.0] * 3 * 3 * 30 * 30, abs=1e-6)
