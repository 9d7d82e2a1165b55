import time
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data.images import ImageSet, PackedPixels
from harness.data.split import count_held_out, draw_share, split_training, split_validation, stratified_split
from tests.config.cases import CASE
from tests.data.builders import anything


def image_set(labels, tracks=None):
    """Images whose one pixel is their position."""
    pixels = torch.arange(len(labels), dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return ImageSet(pixels, torch.tensor(labels, dtype=torch.int64), tracks)


def positions(part):
    return torch.cat([*part.blocks()]).flatten().tolist()


@st.composite
def image_sets(draw):
    labels = draw(st.lists(st.integers(0, 4), min_size=1, max_size=80))
    if draw(st.booleans()):
        return image_set(labels)
    return image_set(labels, tuple(f"{label}_{draw(st.integers(0, 3))}" for label in labels))


fractions = st.floats(0.01, 0.99)


@anything
@given(image_sets(), fractions)
def test_every_image_is_in_one_part_with_its_own_label_and_track(images, fraction):
    parts = split_validation(images, fraction)
    assert count_held_out(images, fraction) == len(parts[1])
    assert count_held_out(images, 0.0) == 0
    assert sorted(positions(parts[0]) + positions(parts[1])) == list(range(len(images)))
    for part in parts:
        assert part.labels.tolist() == [images.labels[position] for position in positions(part)]
        if images.tracks is None:
            assert part.tracks is None
        else:
            assert part.tracks == tuple(images.tracks[position] for position in positions(part))


@anything
@given(image_sets(), fractions)
def test_tracks_are_kept_whole(images, fraction):
    training, validation = split_validation(images, fraction)
    assert not set(training.tracks or ()) & set(validation.tracks or ())


@anything
@given(image_sets(), fractions)
def test_every_class_keeps_a_training_image(images, fraction):
    training, _ = split_validation(images, fraction)
    assert set(training.labels.tolist()) == set(images.labels.tolist())


@anything
@given(image_sets(), fractions)
def test_every_class_of_several_tracks_is_validated(images, fraction):
    _, validation = split_validation(images, fraction)
    tracks = images.tracks or tuple(map(str, range(len(images))))
    of_class = Counter(label for label, _ in set(zip(images.labels.tolist(), tracks, strict=True)))
    assert set(validation.labels.tolist()) == {label for label, count in of_class.items() if count > 1}


@anything
@given(image_sets(), fractions)
def test_the_split_is_the_same_every_time(images, fraction):
    once, again = split_validation(images, fraction), split_validation(images, fraction)
    assert [positions(part) for part in once] == [positions(part) for part in again]


@pytest.mark.parametrize(("fraction", "expected"), [(0.1, 5), (0.5, 25), (0.9, 45)])
def test_the_fraction_is_held_out_of_every_class(fraction, expected):
    _, validation = split_validation(image_set([0] * 50 + [1] * 50), fraction)
    assert Counter(validation.labels.tolist()) == {0: expected, 1: expected}


def test_the_fraction_is_of_the_tracks():
    tracks = tuple(f"{position // 10}" for position in range(100))
    _, validation = split_validation(image_set([0] * 100, tracks), 0.3)
    assert len(validation) == 30
    assert len(set(validation.tracks)) == 3


def test_a_class_of_a_single_image_stays_in_training():
    training, validation = split_validation(image_set([0, 1]), 0.5)
    assert positions(training) == [0, 1]
    assert len(validation) == 0


def test_the_split_does_not_take_the_first_or_last_images():
    _, validation = split_validation(image_set([0] * 100), 0.2)
    assert positions(validation) not in (list(range(20)), list(range(80, 100)))


def test_the_split_does_not_change_the_random_numbers_of_training():
    state = torch.random.get_rng_state()
    split_validation(image_set([0] * 10), 0.3)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_images_of_several_sizes_are_split():
    pixels = PackedPixels.from_images([torch.zeros(1, side, side, dtype=torch.uint8) for side in range(1, 9)])
    images = ImageSet(pixels, torch.zeros(8).long())
    training, validation = split_validation(images, 0.25)
    assert isinstance(training.pixels, PackedPixels)
    sides = [pixels.shape[1] for part in (training, validation) for pixels in part.pixels]
    assert sorted(sides) == list(range(1, 9))
    assert len(validation) == 2


@anything
@given(st.lists(st.integers(0, 4), max_size=80), fractions)
def test_a_stratified_split_is_that_of_a_validation_set(labels, fraction):
    train, held_out = stratified_split(labels, fraction)
    parts = split_validation(image_set(labels), fraction)
    assert [train, held_out] == [positions(part) for part in parts]
    assert stratified_split(labels, fraction) == (train, held_out)


def test_a_stratified_split_holds_out_images_of_every_class():
    train, held_out = stratified_split([0] * 10 + [1] * 2 + [2] * 100, 0.2)
    assert Counter("abc"[0 if k < 10 else 1 if k < 12 else 2] for k in held_out) == {"a": 2, "b": 1, "c": 20}
    assert sorted(train + held_out) == list(range(112))


@anything
@given(image_sets(), fractions, fractions, st.integers(0, 2**63 - 1))
def test_a_smaller_share_is_part_of_a_larger_one(images, one, other, seed):
    small, large = (positions(draw_share(images, fraction, seed)) for fraction in sorted((one, other)))
    assert set(small) <= set(large)
    assert small == sorted(small)


@anything
@given(image_sets(), fractions, st.integers(0, 5))
def test_a_share_has_whole_tracks_of_every_class(images, fraction, seed):
    share = draw_share(images, fraction, seed)
    assert set(share.labels.tolist()) == set(images.labels.tolist())
    if images.tracks is not None:
        left_out = {images.tracks[position] for position in set(range(len(images))) - set(positions(share))}
        assert not left_out & set(share.tracks)


def test_a_share_is_stratified():
    share = draw_share(image_set([0] * 100 + [1] * 50), 0.1, seed=3)
    assert Counter(share.labels.tolist()) == {0: 10, 1: 5}


def test_each_seed_draws_its_own_share():
    images = image_set([0] * 100)
    shares = [positions(draw_share(images, 0.1, seed)) for seed in (0, 0, 1)]
    assert shares[0] == shares[1] != shares[2]


def test_a_share_is_that_of_earlier_versions():
    assert positions(draw_share(image_set([0] * 12 + [1] * 8), 0.25, seed=0)) == [4, 8, 11, 12, 13]


@anything
@given(image_sets(), fractions, fractions, st.integers(0, 5))
def test_validation_images_are_held_out_before_a_share_is_drawn(images, held_out, fraction, seed):
    case = replace(CASE, val_split=held_out, train_fraction=fraction, seed=seed)
    train, validation = split_training(images, case)
    undivided, same = split_validation(images, held_out)
    assert positions(validation) == positions(same)
    assert set(positions(train)) <= set(positions(undivided))


def test_a_case_on_all_images_trains_on_the_images_themselves():
    images = image_set([0, 1, 0, 1])
    train, validation = split_training(images, CASE)
    assert train is images
    assert validation is None


@pytest.mark.parametrize(
    ("labels", "tracks", "trained", "held_out"),
    [
        ([0, 1] * 8, None, [2, 3, 7, 9, 12, 14], [4, 5, 8, 13]),
        ([0] * 8 + [1] * 8, tuple(f"{k // 2}" for k in range(16)), [2, 3, 6, 7, 8, 9, 12, 13], [4, 5, 14, 15]),
    ],
)
def test_the_images_drawn_never_change(labels, tracks, trained, held_out):
    """Another draw would be another training under the same identity."""
    parts = split_training(image_set(labels, tracks), replace(CASE, val_split=0.3, train_fraction=0.5, seed=7))
    assert [positions(part) for part in parts] == [trained, held_out]


def test_many_images_are_split_without_a_loop_over_them():
    images = image_set([k % 10 for k in range(200_000)])
    started = time.process_time()
    split_training(images, replace(CASE, val_split=0.1, train_fraction=0.5))
    assert time.process_time() - started < 0.5  # 50 ms; a loop takes seconds, and a session splits for each case
