import mmap
import pickle
import tempfile

import torch

from harness.data.images import ImageSet, PackedPixels
from harness.data.mapped_pages import MappedPages, _joined
from tests.data.builders import linux
from tests.data.image_files import counted


def test_ranges_without_a_gap_are_joined():
    assert [*_joined([(0, 4), (4, 4), (10, 2), (12, 1), (0, 3)])] == [(0, 8), (10, 3), (0, 3)]
    assert [*_joined([])] == []
    assert [*_joined([(4096, 5)])] == [(4096, 5)]


class Recorded:
    """Memory that records advice."""

    def __init__(self):
        self.advice = []

    def madvise(self, *advice):
        self.advice.append(advice)


@linux
def test_only_the_pages_of_the_ranges_are_read_ahead():
    memory = Recorded()
    MappedPages(memory, first_byte=100).read_ahead([(mmap.PAGESIZE, 50), (3 * mmap.PAGESIZE, 10)])
    page = mmap.PAGESIZE
    needed = mmap.MADV_WILLNEED
    assert memory.advice == [(mmap.MADV_RANDOM,), (needed, page, 150), (needed, 3 * page, 110)]


def asked(images):
    """The ranges of bytes that an image set asks for when images 2 and 0 are selected from it."""
    ranges = []
    pages = MappedPages(None)
    object.__setattr__(pages, "read_ahead", lambda wanted: ranges.extend(wanted))
    ImageSet(images.pixels, images.labels, positions=images.positions, pages=pages).select(torch.tensor([2, 0]))
    return ranges


def test_selected_images_are_read_ahead():
    labels = torch.zeros(4, dtype=torch.int64)
    images = ImageSet(counted(4, 1, 2, 5), labels)
    assert asked(images) == [(20, 10), (0, 10)]
    assert asked(images.view(torch.tensor([3, 2, 1]))) == [(10, 10), (30, 10)]
    packed = PackedPixels.from_images([counted(1, side, side) for side in (2, 3, 4, 5)])
    assert asked(ImageSet(packed, labels)) == [(13, 16), (0, 4)]


@linux
def test_a_pickle_has_the_images_but_not_their_file():
    with tempfile.TemporaryFile() as file:
        file.write(bytes(range(16)))
        file.flush()
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        images = ImageSet(counted(1, 1, 4, 4), torch.zeros(1, dtype=torch.int64), pages=MappedPages(memory))
        copy = pickle.loads(pickle.dumps(images))
    assert copy.pages.memory is None
    assert torch.equal(copy.select(torch.tensor([0])).pixels, images.pixels)
