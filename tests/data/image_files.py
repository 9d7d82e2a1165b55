"""Image files in memory, and images with known pixels."""

import io
import struct
import zlib

import numpy as np
import torch

from harness.data.decoding import ImageFile, decode


def counted(*shape):
    return torch.arange(int(np.prod(shape))).remainder(251).to(torch.uint8).reshape(shape)


def in_memory(content, label=0, name="somewhere/x.png", track=None):
    return ImageFile(name, lambda: content, label, track)


def decode_one(content, *, channels=3, size=None):
    return decode([in_memory(content)], channels=channels, size=size).pixels[0]


def saved(image, format="PNG", **options):
    """Return a Pillow image's file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_of(rows, width, bits, colour_type, *chunks):
    """Return a PNG of these packed rows, for what Pillow cannot write; ``chunks`` come before the pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), bits, colour_type, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + png_chunk(b"IEND", b"")


def png_chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
