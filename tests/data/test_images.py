import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data.decoding import decode
from harness.data.images import ImageSet, PackedPixels, evenly_spaced
from harness.data.mapped_pages import MappedPages
from tests.data.builders import anything, encode, noise
from tests.data.image_files import counted, in_memory

META = torch.device("meta")


def test_select_returns_pixels_labels_and_tracks_in_order():
    images = ImageSet(torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1), torch.tensor([0, 1, 2, 3]), tuple("abcd"))
    chosen = images.select(torch.tensor([2, 0]))
    assert chosen.pixels.flatten().tolist() == [2, 0]
    assert chosen.labels.tolist() == [2, 0]
    assert chosen.tracks == ("c", "a")


@pytest.mark.parametrize("is_packed", [False, True])
def test_consecutive_and_gathered_images_are_those_of_select(is_packed):
    pixels = torch.arange(5 * 4, dtype=torch.uint8).reshape(5, 1, 2, 2)
    packed = PackedPixels.from_images([image[:, : 1 + k % 2] for k, image in enumerate(pixels)])
    images = ImageSet(packed if is_packed else pixels, torch.arange(5), tuple("abcde"))
    for source in (images, images.view(torch.tensor([4, 0, 1, 3, 2]))):
        index = torch.arange(1, 4)
        expected, part, copied = source.select(index), source.between(1, 4), source.gathered(index)
        assert part.tracks == expected.tracks
        for found in (part, copied):
            assert found.labels.tolist() == expected.labels.tolist()
            assert all(torch.equal(one, other) for one, other in zip(found.pixels, expected.pixels, strict=True))
    assert is_packed or images.between(1, 4).pixels.data_ptr() == pixels[1:].data_ptr()  # nothing is copied


def test_select_works_for_images_of_several_sizes():
    pixels = [torch.full((1, size, size), size, dtype=torch.uint8) for size in (1, 2, 3)]
    chosen = ImageSet(PackedPixels.from_images(pixels), torch.tensor([0, 1, 2])).select(torch.tensor([2, 1]))
    assert [tuple(p.shape) for p in chosen.pixels] == [(1, 3, 3), (1, 2, 2)]
    assert chosen.labels.tolist() == [2, 1]
    assert chosen.tracks is None


def test_moving_to_a_device_keeps_images_labels_and_tracks():
    one_size = ImageSet(torch.ones(1, 1, 2, 2, dtype=torch.uint8), torch.tensor([3]), ("t",))
    count_noun = ImageSet(PackedPixels.from_images([torch.ones(1, 2, 2, dtype=torch.uint8)]), torch.tensor([3]))
    moved, moved_packed = one_size.to(META), count_noun.to(META)
    assert moved.pixels.device == moved.labels.device == moved_packed.pixels[0].device == META
    assert moved.tracks == ("t",)


def test_an_image_without_a_track_is_its_own_track():
    content = encode(noise(4))
    files = [in_memory(content, name="a", track="t"), in_memory(content, name="b")]
    assert decode(files, channels=3, size=None).tracks == ("t", "image 1")


shapes = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=8)


@anything
@given(shapes, st.sampled_from([1, 3]), st.data())
def test_any_selection_of_packed_images_has_those_images(shapes, channels, data):
    images = [torch.from_numpy(noise(*shape, channels=3, seed=k)).permute(2, 0, 1) for k, shape in enumerate(shapes)]
    images = [image[:channels] for image in images]  # neither is contiguous
    packed = PackedPixels.from_images(images)
    index = data.draw(st.lists(st.integers(0, len(images) - 1), max_size=10))
    selected = packed.select(torch.tensor(index, dtype=torch.int64))

    assert (len(packed), len(selected)) == (len(images), len(index))
    assert all(torch.equal(found, image) for found, image in zip(packed, images, strict=True))
    assert all(torch.equal(found, images[k]) for found, k in zip(selected, index, strict=True))
    assert torch.equal(packed[-1], images[-1])
    with pytest.raises(IndexError):
        packed[len(images)]


def test_images_of_one_size_are_packed_without_a_copy():
    images = counted(4, 3, 2, 5)
    packed = PackedPixels.from_batch(images)
    assert torch.equal(torch.stack(list(packed)), images)
    assert packed.buffer.data_ptr() == images.data_ptr()


def test_a_selection_of_packed_images_shares_their_memory():
    packed = PackedPixels.from_images([counted(1, side, side) for side in (2, 3, 4)])
    selected = packed.select(torch.tensor([2]))
    assert selected.buffer is packed.buffer
    selected[0][0, 0, 0] = 77
    assert packed[2][0, 0, 0] == 77


@pytest.mark.parametrize(("index", "travelling"), [([0, 1, 2], 29), ([2, 1], 25), ([0], 4), ([], 0), ([1, 1], 18)])
def test_only_selected_bytes_are_copied_to_another_device(index, travelling):
    packed = PackedPixels.from_images([counted(1, side, side) for side in (2, 3, 4)])
    moved = packed.select(torch.tensor(index, dtype=torch.int64)).to(META)
    assert moved.buffer.shape == (travelling,)
    assert (moved.device, moved.channels) == (META, 1)
    assert [tuple(image.shape) for image in moved] == [(1, k + 2, k + 2) for k in index]


def test_a_copied_selection_has_the_same_images(monkeypatch):
    images = [counted(3, side, 2 * side) for side in (2, 3, 4)]
    selected = PackedPixels.from_images(images).select(torch.tensor([2, 1]))
    monkeypatch.setattr(PackedPixels, "device", META)  # as if they came from there
    moved = selected.to(torch.device("cpu"))
    assert moved.buffer.shape == (3 * (32 + 18),)
    assert all(torch.equal(found, images[k]) for found, k in zip(moved, (2, 1), strict=True))


def test_a_selection_is_copied_block_by_block(monkeypatch):
    images = [counted(3, side, 2 * side) for side in (2, 3, 4, 5, 6)]
    packed = PackedPixels.from_images(images).select(torch.tensor([4, 2, 1, 0]))
    sizes, from_images = [], PackedPixels.from_images
    monkeypatch.setattr("harness.data.images._BLOCK_BYTES", 200)
    monkeypatch.setattr(PackedPixels, "device", META)  # as if they came from there
    monkeypatch.setattr(PackedPixels, "from_images", lambda part: sizes.append(len(part)) or from_images(part))
    moved = packed.to(torch.device("cpu"))
    assert sizes == [2, 2]
    assert all(torch.equal(found, images[k]) for found, k in zip(moved, (4, 2, 1, 0), strict=True))


def test_images_that_were_moved_have_no_pages():
    packed = PackedPixels.from_images([counted(1, 2, 2), counted(1, 3, 3)])
    images = ImageSet(packed, torch.tensor([0, 1]), pages=MappedPages(None)).view(torch.tensor([1]))
    assert images.to(META).pages is None
    assert images.to(torch.device("cpu")).pages is images.pages


def test_moving_to_the_same_device_copies_nothing():
    packed = PackedPixels.from_images([counted(1, 2, 2), counted(1, 3, 3)]).select(torch.tensor([1]))
    assert packed.to(torch.device("cpu")) is packed


@pytest.mark.parametrize("other", [torch.zeros(1, 2, 2, dtype=torch.uint8), torch.zeros(3, 2, 2)])
def test_images_of_different_kinds_cannot_be_packed(other):
    with pytest.raises(ValueError, match="8-bit images with the same number of channels"):
        PackedPixels.from_images([torch.zeros(3, 2, 2, dtype=torch.uint8), other])


@anything
@given(st.integers(0, 300), st.none() | st.integers(0, 400))
def test_evenly_spaced_positions_are_distinct_sorted_and_limited(count, limit):
    positions = evenly_spaced(count, limit)
    assert len(positions) == (count if limit is None else min(count, limit))
    assert positions == sorted(set(positions))
    assert all(0 <= position < count for position in positions)


@anything
@given(st.integers(1, 300), st.integers(1, 300))
def test_evenly_spaced_positions_leave_no_large_gap(count, limit):
    steps = np.diff([*evenly_spaced(count, limit), count])
    assert max(steps) - min(steps) <= 1


def test_a_few_of_many_positions_span_the_whole():
    assert evenly_spaced(100, 4) == [0, 25, 50, 75]
    assert evenly_spaced(10, None) == list(range(10))
