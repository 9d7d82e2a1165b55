import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.channel_sums import ChannelSums
from harness.data.images import ImageSet, PackedPixels
from tests.data.augmenting import random_images

PIXELS = torch.randint(0, 256, (7, 3, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_mean_and_std_are_numpys():
    sums = ChannelSums.of([PIXELS])
    scaled = PIXELS.numpy() / 255
    assert sums.count == 7 * 20
    assert sums.mean == pytest.approx(scaled.mean((0, 2, 3)), abs=1e-15)
    assert sums.std == pytest.approx(scaled.std((0, 2, 3)), abs=1e-15)


def test_blocks_single_images_and_views_have_the_same_sums():
    labels = torch.zeros(7, dtype=torch.int64)
    packed = PackedPixels.from_images(list(PIXELS))
    view = ImageSet(PIXELS.flip(0), labels).view(torch.arange(6, -1, -1))
    sets = [ImageSet(PIXELS, labels), ImageSet(packed, labels), view]
    assert len({images.channel_sums() for images in sets}) == 1


def test_a_constant_channel_has_no_deviation():
    sums = ChannelSums.of([torch.full((2, 1, 3, 3), 255, dtype=torch.uint8)])
    assert (sums.mean, sums.std) == ((1.0,), (0.0,))


def test_sums_are_exact_for_many_bright_pixels():
    bright = torch.full((1, 4000, 4000), 255, dtype=torch.uint8)
    sums = ChannelSums.of([bright] * 3)
    assert (sums.values, sums.squares) == ((3 * 16_000_000 * 255,), (3 * 16_000_000 * 255**2,))


def test_no_images_have_no_sums():
    with pytest.raises(ValueError, match="there are no images"):
        ChannelSums.of([])
    assert np.isfinite(ChannelSums.of([PIXELS]).std).all()


def mean_and_std(pixels):
    return ImageSet(pixels, torch.zeros(len(pixels), dtype=torch.int64)).channel_sums().mean_and_std()


def test_statistics_match_hand_computed_values():
    pixels = torch.tensor([[[[0, 255]], [[51, 51]]], [[[0, 255]], [[51, 102]]]], dtype=torch.uint8)
    mean, std = mean_and_std(pixels)
    assert mean == (0.5, 0.25)
    assert std == (0.5, round(0.2 * 3**0.5 / 4, 4))


@given(st.integers(0, 2**32), st.integers(1, 3))
@settings(deadline=None, max_examples=20)
def test_statistics_are_torchs_in_float64(seed, channels):
    pixels = random_images(20, channels, 7, 5, seed)
    scaled = pixels.double() / 255
    mean, std = mean_and_std(pixels)
    assert mean == pytest.approx(scaled.mean((0, 2, 3)).tolist(), abs=5.1e-5)
    assert std == pytest.approx(scaled.std((0, 2, 3), correction=0).tolist(), abs=5.1e-5)


def test_statistics_do_not_depend_on_order_or_packing():
    pixels = random_images(50, 3, 8)
    expected = mean_and_std(pixels)
    assert mean_and_std(pixels.flip(0)) == mean_and_std(PackedPixels.from_images(list(pixels))) == expected


def test_equal_pixels_have_deviation_one():
    assert mean_and_std(torch.full((3, 1, 4, 4), 51, dtype=torch.uint8)) == ((0.2,), (1.0,))
