import io
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from harness.data.images import ImageFile, ImageSet, PackedPixels, decode, evenly_spaced, file_on_disk, fingerprint
from harness.errors import InputError
from tests.data.builders import anything, encode, noise, peak_bytes, write

META = torch.device("meta")


def counted(*shape):
    return torch.arange(int(np.prod(shape))).remainder(251).to(torch.uint8).reshape(shape)


def in_memory(content, label=0, name="somewhere/x.png", track=None):
    return ImageFile(name, lambda: content, label, track)


def decode_one(content, *, channels=3, size=None, resize=False):
    return decode([in_memory(content)], channels=channels, size=size, resize=resize).pixels[0]


# --- decode


def test_rgb_pixels_decode_unchanged():
    pixels = noise(5, 7)
    decoded = decode_one(encode(pixels))
    assert decoded.dtype == torch.uint8
    assert torch.equal(decoded, torch.from_numpy(pixels).permute(2, 0, 1))


def test_grey_pixels_decode_unchanged():
    pixels = noise(5, 7, channels=1)
    decoded = decode_one(encode(pixels), channels=1)
    assert torch.equal(decoded, torch.from_numpy(pixels)[None])


def test_a_grey_image_among_rgb_ones_has_three_equal_channels():
    pixels = noise(5, channels=1)
    decoded = decode_one(encode(pixels), channels=3)
    assert decoded.shape == (3, 5, 5)
    for channel in decoded:
        assert torch.equal(channel, torch.from_numpy(pixels))


def test_an_rgb_image_among_grey_ones_becomes_its_luminance():
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (255, 255, 255)
    pixels[0, 1] = (0, 255, 0)
    decoded = decode_one(encode(pixels), channels=1)
    assert decoded.shape == (1, 2, 2)
    assert decoded[0].tolist() == [[255, 150], [0, 0]]


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK"])
def test_images_of_every_common_mode_are_converted(mode):
    buffer = io.BytesIO()
    Image.fromarray(noise(6)).convert(mode).save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    assert decode_one(buffer.getvalue(), channels=3).shape == (3, 6, 6)
    assert decode_one(buffer.getvalue(), channels=1).shape == (1, 6, 6)


def test_a_transparent_palette_image_converts_without_a_warning():
    image = Image.new("P", (4, 4))
    image.putpalette([200, 10, 20, 0, 255, 0])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=b"\x80\xff")
    assert decode_one(buffer.getvalue())[:, 0, 0].tolist() == [200, 10, 20]


def test_a_16_bit_image_is_not_clipped_to_white():
    content = encode(np.array([[256, 65535]], np.uint16))
    try:
        dark, bright = decode_one(content, channels=1)[0, 0].tolist()
    except InputError as refusal:
        assert "somewhere/x.png" in str(refusal)
    else:
        assert dark < 10
        assert bright == 255


def test_labels_and_order_are_those_of_the_files():
    images = [noise(4, seed=seed) for seed in range(3)]
    decoded = decode(
        [in_memory(encode(image), label) for image, label in zip(images, (7, 0, 7), strict=True)], channels=3, size=4
    )
    assert decoded.labels.tolist() == [7, 0, 7]
    assert decoded.labels.dtype == torch.int64
    for pixels, image in zip(decoded.pixels, images, strict=True):
        assert torch.equal(pixels, torch.from_numpy(image).permute(2, 0, 1))
    assert len(decoded) == 3
    assert decoded.tracks is None


def test_images_of_one_size_are_one_tensor():
    decoded = decode([in_memory(encode(noise(4, 5, seed=seed))) for seed in range(3)], channels=3, size=None)
    assert isinstance(decoded.pixels, torch.Tensor)
    assert decoded.pixels.shape == (3, 3, 4, 5)


def test_images_of_several_sizes_are_packed():
    decoded = decode([in_memory(encode(noise(4, 5))), in_memory(encode(noise(6, 3)))], channels=3, size=None)
    assert isinstance(decoded.pixels, PackedPixels)
    assert [tuple(pixels.shape) for pixels in decoded.pixels] == [(3, 4, 5), (3, 6, 3)]


def test_an_image_of_the_wrong_size_is_named_with_both_sizes():
    with pytest.raises(InputError, match=r"somewhere/x\.png is 5×4 pixels; this dataset's images are 8×8"):
        decode_one(encode(noise(4, 5)), size=8)


def test_resize_gives_every_image_the_size():
    decoded = decode(
        [in_memory(encode(noise(4, 5))), in_memory(encode(noise(30, 20)))], channels=3, size=8, resize=True
    )
    assert isinstance(decoded.pixels, torch.Tensor)
    assert decoded.pixels.shape == (2, 3, 8, 8)


def test_resize_keeps_an_image_of_that_size_unchanged():
    pixels = noise(8)
    resized = decode_one(encode(pixels), size=8, resize=True)
    assert torch.equal(resized, torch.from_numpy(pixels).permute(2, 0, 1))


def test_resize_to_a_smaller_side_is_antialiased():
    checkerboard = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    resized = decode_one(encode(checkerboard), channels=1, size=8, resize=True)
    assert ((resized > 110) & (resized < 145)).all()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.png"):
        decode([file_on_disk(tmp_path / "absent.png", 0)], channels=3, size=None)


def test_a_folder_instead_of_a_file_is_named(tmp_path):
    with pytest.raises(InputError, match=tmp_path.name):
        decode([file_on_disk(tmp_path, 0)], channels=3, size=None)


def test_a_file_that_is_not_an_image_is_named(tmp_path):
    path = write(tmp_path / "notes.png", "no image at all")
    with pytest.raises(InputError, match=r"notes\.png: not an image"):
        decode([file_on_disk(path, 0)], channels=3, size=None)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "PPM", "BMP", "GIF"])
def test_a_truncated_image_is_named(format):
    content = encode(noise(16), format)
    with pytest.raises(InputError, match=r"somewhere/x\.png"):
        decode_one(content[: len(content) // 2])


def test_an_empty_file_is_named():
    with pytest.raises(InputError, match=r"somewhere/x\.png"):
        decode_one(b"")


def test_a_decompression_bomb_is_named(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for side in (12, 20):  # above the limit Pillow warns, above twice the limit it refuses
        with pytest.raises(InputError, match=r"somewhere/x\.png is too large"):
            decode_one(encode(noise(side)))
    assert decode_one(encode(noise(10))).shape == (3, 10, 10)


def test_a_file_larger_than_any_image_is_named_and_not_read(tmp_path):
    path = write(tmp_path / "huge.png", encode(noise(4)))
    with open(path, "rb+") as file:
        file.truncate(2**28 + 1)  # a hole: it takes no place on the disk

    def refused():
        with pytest.raises(InputError, match=f"{path}: it has 268,435,457 bytes; an image file may have 268,435,456"):
            decode([file_on_disk(path, 0)], channels=3, size=None)

    assert peak_bytes(refused) < 2**20


def test_an_unknown_flavour_of_a_known_format_is_named():
    content = bytearray(encode(noise(8), "DDS"))
    content[80:84] = struct.pack("<I", 0x800)  # the pixel format's flags
    with pytest.raises(InputError, match=r"somewhere/x\.png"):
        decode_one(bytes(content))


def test_an_unknown_compression_of_a_known_format_is_named():
    image = Image.fromarray(noise(8)).convert("P")
    buffer = io.BytesIO()
    image.save(buffer, "BLP")
    content = bytearray(buffer.getvalue())
    content[4:8] = struct.pack("<I", 99)
    with pytest.raises(InputError, match=r"somewhere/x\.png"):
        decode_one(bytes(content))


def test_odd_metadata_is_ignored():
    content = bytearray(encode(noise(8), "TIFF", description="what it is"))
    entries = struct.unpack_from("<I", content, 4)[0]
    for entry in range(entries + 2, entries + 2 + 12 * struct.unpack_from("<H", content, entries)[0], 12):
        if struct.unpack_from("<H", content, entry)[0] == 270:  # the description: say that it is longer than the file
            struct.pack_into("<I", content, entry + 4, 100_000)
    assert torch.equal(decode_one(bytes(content)), torch.from_numpy(noise(8)).permute(2, 0, 1))


def is_valid_or_an_input_error(content):
    for channels in (1, 3):
        try:
            decoded = decode_one(content, channels=channels)
        except InputError as refusal:
            assert "somewhere/x.png" in str(refusal)
        else:
            assert decoded.dtype == torch.uint8
            assert decoded.ndim == 3
            assert decoded.shape[0] == channels


@anything
@given(st.binary(max_size=200))
def test_any_bytes_are_an_image_or_an_input_error(content):
    is_valid_or_an_input_error(content)


VALID = {format: encode(noise(6), format) for format in ("PNG", "JPEG", "PPM", "BMP", "GIF", "TIFF", "TGA", "DDS")}


@hypothesis_settings(anything, max_examples=300)
@given(
    st.sampled_from(sorted(VALID)),
    st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=4)), max_size=4),
    st.integers(0, 400),
)
def test_a_damaged_image_is_an_image_or_an_input_error(format, patches, cut):
    content = bytearray(VALID[format])
    for position, patch in patches:
        start = position % len(content)
        content[start : start + len(patch)] = patch
    is_valid_or_an_input_error(bytes(content[: max(0, len(content) - cut)]))


# --- ImageSet


def test_select_returns_pixels_labels_and_tracks_in_order():
    images = ImageSet(torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1), torch.tensor([0, 1, 2, 3]), tuple("abcd"))
    chosen = images.select(torch.tensor([2, 0]))
    assert chosen.pixels.flatten().tolist() == [2, 0]
    assert chosen.labels.tolist() == [2, 0]
    assert chosen.tracks == ("c", "a")


def test_select_works_for_images_of_several_sizes():
    pixels = [torch.full((1, size, size), size, dtype=torch.uint8) for size in (1, 2, 3)]
    chosen = ImageSet(PackedPixels.from_images(pixels), torch.tensor([0, 1, 2])).select(torch.tensor([2, 1]))
    assert [tuple(p.shape) for p in chosen.pixels] == [(1, 3, 3), (1, 2, 2)]
    assert chosen.labels.tolist() == [2, 1]
    assert chosen.tracks is None


def test_moving_to_a_device_keeps_images_labels_and_tracks():
    one_size = ImageSet(torch.ones(1, 1, 2, 2, dtype=torch.uint8), torch.tensor([3]), ("t",))
    several = ImageSet(PackedPixels.from_images([torch.ones(1, 2, 2, dtype=torch.uint8)]), torch.tensor([3]))
    moved, moved_packed = one_size.to(META), several.to(META)
    assert moved.pixels.device == moved.labels.device == moved_packed.pixels[0].device == META
    assert moved.tracks == ("t",)


def test_an_image_without_a_track_is_its_own_track():
    content = encode(noise(4))
    files = [in_memory(content, name="a", track="t"), in_memory(content, name="b")]
    assert decode(files, channels=3, size=None).tracks == ("t", "b")


# --- PackedPixels


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


def test_moving_to_the_same_device_copies_nothing():
    packed = PackedPixels.from_images([counted(1, 2, 2), counted(1, 3, 3)]).select(torch.tensor([1]))
    assert packed.to(torch.device("cpu")) is packed


@pytest.mark.parametrize("other", [torch.zeros(1, 2, 2, dtype=torch.uint8), torch.zeros(3, 2, 2)])
def test_images_of_different_kinds_cannot_be_packed(other):
    with pytest.raises(ValueError, match="8-bit images with the same number of channels"):
        PackedPixels.from_images([torch.zeros(3, 2, 2, dtype=torch.uint8), other])


# --- evenly_spaced


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


# --- fingerprint


def an_image_set(seed=0, labels=(0, 1)):
    return ImageSet(
        torch.from_numpy(noise(4, 8 * len(labels), seed=seed)).reshape(len(labels), 1, 8, -1), torch.tensor(labels)
    )


def test_the_fingerprint_is_a_reproducible_sha256():
    assert fingerprint(an_image_set()) == fingerprint(an_image_set())
    assert len(fingerprint(an_image_set())) == 64
    assert int(fingerprint(an_image_set()), 16)


def test_one_pixel_changes_the_fingerprint():
    changed = an_image_set()
    changed.pixels[1, 0, 7, 3] ^= 1
    assert fingerprint(changed) != fingerprint(an_image_set())


def test_one_label_changes_the_fingerprint():
    assert fingerprint(an_image_set(labels=(0, 2))) != fingerprint(an_image_set(labels=(0, 1)))


def test_the_order_of_the_images_changes_the_fingerprint():
    swapped = an_image_set(labels=(0, 0)).select(torch.tensor([1, 0]))
    assert fingerprint(swapped) != fingerprint(an_image_set(labels=(0, 0)))


def test_exchanged_width_and_height_change_the_fingerprint():
    images = an_image_set()
    turned = ImageSet(images.pixels.reshape(2, 1, -1, 8), images.labels)
    assert turned.pixels.shape != images.pixels.shape
    assert fingerprint(turned) != fingerprint(images)


def test_one_pixel_of_packed_images_changes_the_fingerprint():
    pixels = [torch.zeros(1, 2, 2, dtype=torch.uint8), torch.zeros(1, 3, 3, dtype=torch.uint8)]
    changed = [pixels[0], pixels[1].clone()]
    changed[1][0, 2, 2] = 1
    labels = torch.tensor([0, 1])
    one, other = (ImageSet(PackedPixels.from_images(images), labels) for images in (pixels, changed))
    assert fingerprint(one) != fingerprint(other)


def test_the_fingerprint_is_the_same_in_every_version():
    # It is part of every case's identity: with another value, all results are lost.
    pixels = [counted(3, *size) for size in ((4, 5), (6, 3), (1, 2))]
    one = ImageSet(PackedPixels.from_images(pixels), torch.tensor([2, 0, 1]))
    other = ImageSet(PackedPixels.from_images(pixels[::-1]), torch.tensor([1, 1, 0]), ("a", "b", "b"))
    same_size = ImageSet(counted(2, 3, 4, 5), torch.tensor([2, 0]))
    assert fingerprint(one, other) == "81d71ae8c215ec73f4f0f773e1918d06942406844cfef211c786b80eff05d3de"
    expected = "05e9d06feaa72aac808a3b122f792d9fc5c2ab611e4ee61450c5ab93ed68d834"
    assert fingerprint(same_size, class_names=("x", "y")) == expected


def test_a_selection_has_the_fingerprint_of_its_own_images():
    pixels, labels = [counted(3, side, 2 * side) for side in (2, 3, 4)], torch.tensor([0, 1, 2])
    index = torch.tensor([2, 0])
    selected = ImageSet(PackedPixels.from_images(pixels), labels).select(index)
    alone = ImageSet(PackedPixels.from_images([pixels[2], pixels[0]]), labels[index])
    assert fingerprint(selected) == fingerprint(alone)


def test_exchanging_training_and_test_images_changes_the_fingerprint():
    one, other = an_image_set(seed=1), an_image_set(seed=2)
    assert fingerprint(one, other) != fingerprint(other, one)


def test_the_memory_layout_does_not_change_the_fingerprint():
    images = an_image_set()
    turned_twice = ImageSet(images.pixels.transpose(2, 3).contiguous().transpose(2, 3), images.labels)
    assert not turned_twice.pixels.is_contiguous()
    assert fingerprint(turned_twice) == fingerprint(images)


def test_the_path_of_the_files_does_not_change_the_fingerprint(tmp_path):
    content = encode(noise(4))
    paths = [write(tmp_path / place, content) for place in ("a/x.png", "elsewhere/y.png")]
    one, other = (decode([file_on_disk(path, 3)], channels=3, size=4) for path in paths)
    assert fingerprint(one) == fingerprint(other)
