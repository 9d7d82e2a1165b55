import io
import struct
import subprocess
import sys

import numpy as np
import PIL
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from harness.config.recipe import Resize
from harness.data.decoding import decode, file_on_disk
from harness.data.images import PackedPixels
from harness.errors import InputError
from tests.data.builders import anything, encode, linux, noise, peak_bytes, write
from tests.data.image_files import decode_one, in_memory
from tests.helpers import REPOSITORY


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
    decoded = decode([in_memory(encode(noise(4, 5))), in_memory(encode(noise(30, 20)))], channels=3, size=Resize(8))
    assert isinstance(decoded.pixels, torch.Tensor)
    assert decoded.pixels.shape == (2, 3, 8, 8)


def test_resize_keeps_an_image_of_that_size_unchanged():
    pixels = noise(8)
    resized = decode_one(encode(pixels), size=Resize(8))
    assert torch.equal(resized, torch.from_numpy(pixels).permute(2, 0, 1))


@pytest.mark.parametrize("size", [(30, 20), (20, 30), (41, 67), (67, 41), (5, 4), (16, 16), (16, 17), (100, 10)])
@pytest.mark.parametrize("side", [8, 15, 16])
def test_crop_resizes_the_shorter_side_and_cuts_out_the_centre(size, side):
    pixels = noise(*size)
    by_torchvision = transforms.Compose([transforms.Resize(side), transforms.CenterCrop(side)])
    expected = transforms.functional.pil_to_tensor(by_torchvision(Image.fromarray(pixels)))
    assert torch.equal(decode_one(encode(pixels), size=Resize(side, "crop")), expected)


def test_crop_keeps_the_aspect_ratio_and_squash_does_not():
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :4] = 255  # left of the centre
    assert not decode_one(encode(pixels), size=Resize(8, "crop")).any()
    assert decode_one(encode(pixels), size=Resize(8, "squash"))[:, :, 0].all()


def test_resize_to_a_smaller_side_is_antialiased():
    checkerboard = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    resized = decode_one(encode(checkerboard), channels=1, size=Resize(8))
    assert ((resized > 110) & (resized < 145)).all()


# The peak memory of each decoding, as a multiple of its pixels' size.
DECODINGS = """
import numpy as np
import torch
from harness.config.recipe import Resize
from harness.data.decoding import decode
from harness.hardware.memory import PeakMemory
from tests.data.builders import encode
from tests.data.image_files import in_memory

for widths, resize in [((600, 600), False), ((600, 599), False), ((600, 400), True)]:
    files = [in_memory(encode(np.full((600, width, 3), 7, np.uint8), "BMP")) for width in widths] * 30
    decode(files[:2], channels=3, size=None)  # Pillow's plugins are imported by now
    peak = PeakMemory(torch.device("cpu"))
    before = peak.bytes()
    images = decode(files, channels=3, size=Resize(600) if resize else None)
    assert images.nbytes > 60e6
    print((peak.bytes() - before) / images.nbytes)
    del images
"""


@linux
def test_decoding_needs_the_memory_of_the_pixels_once():
    """In a process of its own: tests that ran before leave freed memory, and may have told glibc to keep it."""
    command = [sys.executable, "-W", "ignore", "-c", DECODINGS]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    shares = [float(line) for line in done.stdout.split()]
    assert len(shares) == 3
    assert max(shares) < 1.4, shares


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="absent.png"):
        decode([file_on_disk(tmp_path / "absent.png", 0)], channels=3, size=None)


def test_a_folder_instead_of_a_file_is_named(tmp_path):
    with pytest.raises(InputError, match=tmp_path.name):
        decode([file_on_disk(tmp_path, 0)], channels=3, size=None)


def test_a_file_that_is_not_an_image_is_named(tmp_path):
    path = write(tmp_path / "notes.png", "no image at all")
    with pytest.raises(InputError, match=r"notes\.png: it is no PNG"):
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
        with pytest.raises(
            InputError, match=f"{path}: it has 268,435,457 bytes, and such a file has at most 268,435,456"
        ):
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


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) < 13, reason="Pillow before 13 refuses such a file")
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


VALID = {format: encode(noise(6), format) for format in ("PNG", "JPEG", "PPM", "BMP", "GIF", "TIFF", "WEBP")}


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
