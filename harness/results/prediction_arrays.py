"""Reading of ``predictions.npz``, the sizes first: a file of 480 bytes can claim arrays of 15 GB."""

import io
import re
import struct
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray

_NAMES = ("labels", "predictions")
_MOST_ITEM_BYTES = 8  # of the widest integer
_MOST_OVERHEAD_BYTES = 4096  # headers of an array, or of the archive
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of NumPy; a stream of LZMA can claim 4 GB for itself
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<>|][iu][1248])', 'fortran_order': (?:False|True), 'shape': \((\d{1,20}),\), \}[ \n]*"
)


def most_prediction_bytes(images: int) -> int:
    """Return the largest size of the predictions of so many test images, compressed or not."""
    return len(_NAMES) * (_MOST_ITEM_BYTES * images + _MOST_OVERHEAD_BYTES)


def parse_predictions(content: bytes, images: int) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return labels and predicted classes, each (N,), from the content of ``predictions.npz``.

    Raises:
        ValueError: the content is not two arrays of that many whole numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            labels, predictions = (_array(name, _member(archive, f"{name}.npy", images), images) for name in _NAMES)
    except KeyError as error:
        raise ValueError(f"it has no array {error}") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ValueError("it is not an archive of arrays") from error
    return labels, predictions


def _member(archive: zipfile.ZipFile, name: str, images: int) -> bytes:
    """Return the content of a file in the archive after a look at the size that it claims."""
    info = archive.getinfo(name)
    most = _MOST_ITEM_BYTES * images + _MOST_OVERHEAD_BYTES
    if info.file_size > most or info.compress_type not in _COMPRESSIONS:
        raise ValueError(f"{name} claims {info.file_size:,} bytes, and {images:,} images have at most {most:,}")
    with archive.open(info) as file:
        return file.read(most)


def _array(name: str, content: bytes, images: int) -> NDArray[np.integer]:
    """Return the array in a ``.npy`` file as 64-bit integers."""
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(content[start - 2 : start], "little")
    header = _HEADER.fullmatch(content[start:end]) if content.startswith(_MAGIC) else None
    if header is None:
        raise ValueError(f"{name} are not a list of whole numbers")
    kind, count = np.dtype(header[1].decode()), int(header[2])
    if count != images or len(content) - end != count * kind.itemsize:
        raise ValueError(f"{name} are of {count:,} images, and the result of {images:,}")
    return np.frombuffer(content, kind, count, end).astype(np.int64)
