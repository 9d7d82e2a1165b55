"""A tiny FashionMNIST, and its idx files with any content."""

from harness.data.formats import fashionmnist
from tests.data.builders import (
    compressed_idx,
    idx_contents,
    write_files,
)

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def write_tiny(data_dir, *, compressed=True, place="fashionmnist", **changed):
    contents = {**idx_contents(), **changed}
    return write_files(data_dir / place, compressed_idx(contents) if compressed else contents)


def read(data_dir, train=None, test=None):
    return fashionmnist.locate(data_dir).read(train, test)
