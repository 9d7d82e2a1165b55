"""Logits from strangers: any bytes give the array or a ValueError, within the memory of the images."""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results import logit_array
from harness.results.logit_array import (
    contradiction_with_logits,
    most_logit_file_bytes,
    obstacle_to_logits,
    parse_logits,
)

LOGITS = -np.abs(np.random.default_rng(0).normal(size=(20, 3))).astype(np.float16)
LOGITS[np.arange(20), np.arange(20) % 3] = 0


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


GOOD = npy(LOGITS)


def test_stored_logits_are_read():
    assert np.array_equal(parse_logits(GOOD, 20, 3), LOGITS)
    assert len(GOOD) < most_logit_file_bytes(20, 3)
    assert contradiction_with_logits(np.arange(20) % 3, LOGITS) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(content):
    with pytest.raises(ValueError, match="half precision"):
        parse_logits(content, 20, 3)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
def test_flipped_bit_is_refused_or_harmless(place, bit):
    damaged = bytearray(GOOD)
    damaged[place] ^= 1 << bit
    try:
        logits = parse_logits(bytes(damaged), 20, 3)
    except ValueError as error:
        assert str(error)
    else:
        assert logits.shape == (20, 3)
        contradiction_with_logits(np.arange(20) % 3, logits)


@pytest.mark.parametrize("shape", [(10**12, 10**6), (20, 4), (21, 3), (3, 20)])
def test_claimed_sizes_take_no_memory(shape):
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + GOOD[128:]
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"logits of {shape[0]:,} × {shape[1]:,}, the result has 20 × 3"):
            parse_logits(content, 20, 3)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "array", [LOGITS.astype(np.float32), LOGITS.astype(">f2"), np.asfortranarray(LOGITS), LOGITS[0], LOGITS.astype("O")]
)
def test_other_kinds_of_arrays_are_refused(array):
    with pytest.raises(ValueError, match="not a table of numbers in half precision"):
        parse_logits(npy(array), 20, 3)


def test_either_of_two_classes_with_equal_logits_may_be_predicted():
    tied = np.array([[0, 0, -1]], np.float16)
    assert contradiction_with_logits(np.array([0]), tied) is contradiction_with_logits(np.array([1]), tied) is None
    expected = "the largest logits of 1 image are not those of the predicted classes"
    assert contradiction_with_logits(np.array([2]), tied) == expected


@pytest.mark.parametrize("largest", [np.nan, np.inf, -1.0, 1.0])
def test_largest_logit_that_is_not_0_is_a_contradiction(largest):
    logits = LOGITS.copy()
    logits[7] = largest
    assert contradiction_with_logits(np.arange(20) % 3, logits) == "the largest logit of image 7 is not 0"


def test_logits_of_more_than_64_mebibytes_are_not_stored():
    assert obstacle_to_logits(50_000, 671) is None
    assert obstacle_to_logits(50_000, 1_000) == (
        "logits are not stored: those of 50000 test images and 1000 classes have 95 MiB, more than 64"
    )
    assert most_logit_file_bytes(50_000, 1_000) < logit_array.MOST_LOGIT_BYTES + 2**13
