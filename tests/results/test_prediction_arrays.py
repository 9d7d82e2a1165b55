"""Predictions from strangers: any bytes give the arrays or a ValueError, within the memory of the images."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results.prediction_arrays import most_prediction_bytes, parse_predictions
from tests.results.forging import bomb, npz

LABELS = np.arange(50) % 10
GOOD = npz(labels=LABELS, predictions=LABELS[::-1])


@pytest.mark.parametrize("kind", ["u1", "i2", "<i4", ">i8", "u8"])
def test_whole_numbers_of_any_width_are_read(kind):
    labels, predictions = parse_predictions(npz(labels=LABELS.astype(kind), predictions=LABELS), 50)
    assert labels.tolist() == predictions.tolist() == LABELS.tolist()
    assert len(GOOD) < most_prediction_bytes(50)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(content):
    with pytest.raises(ValueError, match="archive"):
        parse_predictions(content, 50)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
def test_flipped_bit_is_refused_or_harmless(place, bit):
    damaged = bytearray(GOOD)
    damaged[place] ^= 1 << bit
    try:
        labels, predictions = parse_predictions(bytes(damaged), 50)
    except ValueError as error:
        assert str(error)
    else:
        assert len(labels) == len(predictions) == 50


def refuse_within_a_mebibyte(content, message):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            parse_predictions(content, 50)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [2 * 10**9, 10**18])
def test_claimed_sizes_take_no_memory(claimed):
    refuse_within_a_mebibyte(bomb(claimed), f"labels are of {claimed:,} images, and the result of 50")


def test_archive_that_inflates_beyond_its_images_is_refused():
    content = npz(labels=np.zeros(10**7, np.int64), predictions=LABELS)
    assert len(content) < 10**5
    refuse_within_a_mebibyte(content, "claims 80,000,128 bytes, and 50 images have at most")
