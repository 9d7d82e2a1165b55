import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import pixel_statistics
from harness.data.images import ImageSet, PackedPixels
from tests.data.augmenting import random_images


def mean_and_std(pixels):
    return pixel_statistics.mean_and_std(ImageSet(pixels, torch.zeros(len(pixels), dtype=torch.int64)))


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
