"""Images decoded as viewers show them: on white where they are transparent, and upright."""

import io
import struct

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from harness.config.recipe import Resize
from harness.data import registry
from tests.data.builders import encode, noise, write
from tests.data.image_files import decode_one, png_chunk, png_of, saved

ALPHA = np.zeros((4, 4), np.uint8)
ALPHA[:2, :2] = 255  # a square in a corner; the colour below is black everywhere
SQUARE = torch.from_numpy(255 - ALPHA)


def black(mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putalpha(Image.fromarray(ALPHA))
    return image.convert(mode)


def palette():
    """An image of indices 0, to be saved as transparent, and 1; both are black."""
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 0, 0, 0])
    image.paste(1, (0, 0, 2, 2))
    return image


def palette_with_alpha():
    """A TIFF's palette with an alpha channel of its own."""
    image = Image.new("PA", (4, 4), (0, 0))
    image.putpalette([0, 0, 0])
    image.paste((0, 255), (0, 0, 2, 2))
    return image


def keyed(mode, key):
    """A black square on a colour that is declared transparent."""
    image = Image.new(mode, (4, 4), key)
    image.paste(0 if mode == "L" else (0, 0, 0), (0, 0, 2, 2))
    return saved(image, transparency=key)


def premultiplied(mode, raw):
    """A TIFF whose alpha is associated: its extra sample has the value 1 instead of 2."""
    content = bytearray(saved(black(mode), "TIFF"))
    entries = struct.unpack_from("<I", content, 4)[0]
    for entry in range(entries + 2, entries + 2 + 12 * struct.unpack_from("<H", content, entries)[0], 12):
        if struct.unpack_from("<H", content, entry)[0] == 338:
            struct.pack_into("<H", content, entry + 8, 1)
    with Image.open(io.BytesIO(content)) as image:
        assert image.tile[0].args[0] == raw
    return bytes(content)


def packed_key(bits, rows, key):
    return png_of(rows, 4, bits, 0, png_chunk(b"tRNS", struct.pack(">H", key)))


WIDE_KEY = (0x1234,) * 3
WIDE_ROWS = [struct.pack(">12H", *[0] * 6, *WIDE_KEY * 2)] * 2 + [struct.pack(">12H", *WIDE_KEY * 4)] * 2
TRANSPARENT = {
    "PNG, RGBA": saved(black("RGBA")),
    "PNG, grey and alpha": saved(black("LA")),
    "PNG, one transparent palette colour": saved(palette(), transparency=0),
    "PNG, alpha of each palette colour": saved(palette(), transparency=b"\0\xff"),
    "PNG, RGB and transparent colour": keyed("RGB", (9, 9, 9)),
    "PNG, grey and transparent level": keyed("L", 9),
    "PNG, 2 bits": packed_key(2, [b"\x0a"] * 2 + [b"\xaa"] * 2, 2),
    "PNG, 4 bits": packed_key(4, [b"\x00\x99"] * 2 + [b"\x99\x99"] * 2, 9),
    "PNG, 16 bits": png_of(WIDE_ROWS, 4, 16, 2, png_chunk(b"tRNS", struct.pack(">3H", *WIDE_KEY))),
    "GIF": saved(palette(), "GIF", transparency=0),
    "WebP": saved(black("RGBA"), "WEBP", lossless=True, exact=True),
    "TIFF, RGBA": saved(black("RGBA"), "TIFF"),
    "TIFF, grey and alpha": saved(black("LA"), "TIFF"),
    "TIFF, palette and alpha": saved(palette_with_alpha(), "TIFF"),
    "TIFF, RGBA, premultiplied": premultiplied("RGBA", "RGBa"),
    "TIFF, grey, premultiplied": premultiplied("LA", "La"),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", TRANSPARENT)
def test_a_picture_in_the_transparency_is_seen_on_white(kind, channels):
    decoded = decode_one(TRANSPARENT[kind], channels=channels)
    assert torch.equal(decoded, SQUARE.expand(channels, 4, 4))


def test_half_transparent_colours_are_blended_with_white():
    image = Image.new("RGBA", (2, 1), (200, 10, 20, 128))
    image.putpixel((1, 0), (0, 0, 0, 51))
    assert decode_one(saved(image))[:, 0].T.tolist() == [[227, 132, 137], [204, 204, 204]]
    indexed = Image.new("P", (4, 4))
    indexed.putpalette([200, 10, 20, 0, 255, 0])
    assert decode_one(saved(indexed, transparency=b"\x80\xff"))[:, 0, 0].tolist() == [227, 132, 137]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "1", "CMYK", "YCbCr"])
def test_an_opaque_image_has_the_pixels_that_pillow_decodes(mode, channels):
    image = Image.fromarray(noise(16)).convert(mode)
    content = saved(image, "TIFF") if mode in ("CMYK", "YCbCr") else saved(image)
    with Image.open(io.BytesIO(content)) as opened:
        expected = np.array(opened.convert("RGB" if channels == 3 else "L"))
    decoded = decode_one(content, channels=channels)
    assert np.array_equal(decoded[0] if channels == 1 else decoded.permute(1, 2, 0), expected)


def test_resizing_does_not_bleed_the_hidden_colour():
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))  # red, but nothing of it is seen
    image.paste((0, 0, 0, 255), (0, 0, 64, 30))
    small = decode_one(saved(image), size=Resize(8))
    assert torch.equal(small[0], small[1])


# --- orientation

UPRIGHT = noise(4, 6, seed=5)
AS_STORED = {  # by the value of the orientation: the transposition that a camera's file has undergone
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(orientation, picture=UPRIGHT):
    image = Image.fromarray(picture)
    turn = AS_STORED[orientation]
    return image if turn is None else image.transpose(turn)


def tag(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("orientation", AS_STORED)
@pytest.mark.parametrize(
    ("format", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "lzw"})]
)
def test_an_image_is_turned_as_its_orientation_says(format, options, orientation):
    content = saved(stored(orientation), format, exif=tag(orientation), **options)
    assert torch.equal(decode_one(content), torch.from_numpy(UPRIGHT).permute(2, 0, 1))


@pytest.mark.parametrize("orientation", AS_STORED)
@pytest.mark.parametrize("format", ["JPEG", "MPO", "AVIF"])
def test_a_photo_is_turned_as_its_orientation_says(format, orientation):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16, :16], picture[:16, 32:] = 255, 128  # neither symmetric nor square; JPEG's own blocks
    content = saved(stored(orientation, picture), format, quality=95, exif=tag(orientation))
    decoded = decode_one(content).permute(1, 2, 0).numpy().astype(int)
    assert decoded.shape == picture.shape
    assert np.abs(decoded - picture).mean() < 4


def test_the_size_is_checked_after_turning():
    content = saved(stored(6), exif=tag(6))
    assert decode_one(content).shape == (3, 4, 6)


def test_orientation_at_the_end_of_a_png_is_found():
    content, end = saved(stored(6)), png_chunk(b"IEND", b"")
    exif = png_chunk(b"eXIf", tag(6).tobytes().removeprefix(b"Exif\0\0"))
    assert torch.equal(decode_one(content.removesuffix(end) + exif + end), torch.from_numpy(UPRIGHT).permute(2, 0, 1))


def test_orientation_in_xmp_is_found():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>')
    assert torch.equal(decode_one(saved(stored(6), pnginfo=info)), torch.from_numpy(UPRIGHT).permute(2, 0, 1))


def test_a_transparent_image_is_turned_and_seen_on_white():
    lying = Image.fromarray(np.rot90(ALPHA))
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putalpha(lying)
    indexed = palette().transpose(Image.Transpose.ROTATE_90)
    for content in (saved(image, exif=tag(6)), saved(indexed, exif=tag(6), transparency=0)):
        assert torch.equal(decode_one(content), SQUARE.expand(3, 4, 4))


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0this is no TIFF", b"Exif\0\0II*\0\xff\xff\xff\x7f", tag(0).tobytes(), tag(9).tobytes()],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_an_image_with_a_damaged_orientation_is_read_as_stored(format, exif):
    options = {"lossless": True} if format == "WEBP" else {}
    plain, odd = encode(UPRIGHT, format, **options), encode(UPRIGHT, format, exif=exif, **options)
    assert torch.equal(decode_one(odd), decode_one(plain))


# --- other ways to be decoded otherwise than shown


def test_a_cmyk_jpeg_is_not_inverted():
    cmyk = Image.new("RGB", (16, 16), "white").convert("CMYK")
    assert (decode_one(saved(cmyk, "JPEG")) > 250).all()


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_of_several_frames_is_read(format):
    first, second = (Image.new("RGB", (4, 4), colour) for colour in ("red", "lime"))
    options = {"lossless": True} if format == "WEBP" else {}
    content = saved(first, format, save_all=True, append_images=[second], **options)
    assert decode_one(content)[:, 0, 0].tolist() == [255, 0, 0]


def test_white_is_zero_in_a_fax_is_white():
    content = saved(Image.new("1", (16, 16), 1), "TIFF", compression="group4")
    assert (decode_one(content) == 255).all()


def test_photos_of_a_folder_are_turned_before_they_are_resized(tmp_path):
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:4] = 255
    for split in ("train", "test"):
        write(tmp_path / split / "upright/0.png", saved(stored(1, picture)))
        write(tmp_path / split / "lying/0.png", saved(stored(6, picture), exif=tag(6)))
    train = registry.load(f"folder:{tmp_path}", tmp_path, resize=Resize(8)).train
    assert torch.equal(train.pixels[0], train.pixels[1])
