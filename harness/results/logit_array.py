"""Logits of the test images in half precision, as ``logits.npy`` has them.

Sizes are checked before anything is read. The file has each image's logits less the image's largest one. The softmax is
the same, and half precision then resolves the classes in question best: near 0.
"""

import re

import numpy as np
from numpy.typing import NDArray

from harness.text import count_noun

MOST_LOGIT_BYTES = 2**26
"""Size of the logits of one case; larger ones are not stored."""
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(rb"\{'descr': '<f2', 'fortran_order': False, 'shape': \((\d{1,20}), (\d{1,20})\), \}[ \n]*")
_MOST_HEADER_BYTES = 4096


def logit_bytes(images: int, classes: int) -> int:
    """Return the size of the logits of so many images."""
    return images * classes * np.dtype(np.float16).itemsize


def most_logit_file_bytes(images: int, classes: int) -> int:
    """Return the largest size of ``logits.npy`` with the logits of so many images."""
    return min(logit_bytes(images, classes), MOST_LOGIT_BYTES) + _MOST_HEADER_BYTES


def obstacle_to_logits(images: int, classes: int) -> str | None:
    """Return why the logits of so many images are not stored, or None."""
    if (size := logit_bytes(images, classes)) <= MOST_LOGIT_BYTES:
        return None
    return (
        f"logits are not stored: those of {count_noun(images, 'test image')} and {count_noun(classes, 'class')} have "
        f"{size / 2**20:,.0f} MiB, more than {MOST_LOGIT_BYTES // 2**20}"
    )


def parse_logits(content: bytes, images: int, classes: int) -> NDArray[np.float16]:
    """Return the logits (images, classes) in the content of ``logits.npy``.

    Raises:
        ValueError: the content is not an array of that shape in half precision.
    """
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(content[start - 2 : start], "little")
    header = _HEADER.fullmatch(content[start:end]) if content.startswith(_MAGIC) else None
    if header is None:
        raise ValueError("it is not a table of numbers in half precision")
    shape = int(header[1]), int(header[2])
    if shape != (images, classes) or len(content) - end != logit_bytes(*shape):
        raise ValueError(f"it has logits of {shape[0]:,} × {shape[1]:,}, the result has {images:,} × {classes:,}")
    return np.frombuffer(content, "<f2", offset=end).reshape(shape)


def contradiction_with_logits(predictions: NDArray[np.integer], logits: NDArray[np.float16]) -> str | None:
    """Return the contradiction between predicted classes, (N,), and logits, (N, classes), or None.

    Half precision can make two logits equal: then either class may be the predicted one.
    """
    largest = logits.max(axis=1)  # not a number if one of the image's is not
    if not np.array_equal(largest, np.zeros(len(logits))):
        return f"the largest logit of image {int(np.flatnonzero(largest != 0)[0])} is not 0"
    different = np.flatnonzero(logits[np.arange(len(logits)), predictions] != largest)
    if not len(different):
        return None
    return f"the largest logits of {count_noun(len(different), 'image')} are not those of the predicted classes"
