"""NumPy arrays in an ``.npz`` file or a folder of ``.npy`` files; pickles are never read."""

import io
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from harness.data.formats.folder_listing import list_folder
from harness.errors import DamagedError, InputError
from harness.foreign_files import open_regular

Array = NDArray[Any]

_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip's member: lengths of its name and of its extra field follow
_BLOCK_BYTES = 2**20
_MOST_HEADER_BYTES = 2**14  # NumPy reads at most 10,000 characters of a header
_MOST_RATIO = 1032  # of deflate's output to its input
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error, TypeError,
    LookupError, ArithmeticError, SyntaxError,
)  # fmt: skip


@dataclass(frozen=True)
class StoredArray:
    """An array of which only the header was read.

    Attributes:
        name: without ``.npy``.
        file: the file that it is in.
        load: returns the content, read-only; mapped from the file unless it is compressed.
    """

    name: str
    file: Path
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    load: Callable[[], Array]


@dataclass(frozen=True)
class _Header:
    """The header of an array, as far as it fits the file.

    Attributes:
        length: in bytes.
    """

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: "np.dtype[Any]"
    length: int


def list_arrays(path: Path) -> dict[str, StoredArray]:
    """Return the arrays in an ``.npz`` file, or in the ``.npy`` files of a folder, by their names.

    Raises:
        InputError: a file cannot be read, is damaged, or is something else.
    """
    if path.is_dir():
        files = [file for file in list_folder(path)[1] if file.suffix.lower() == ".npy"]
        return {file.stem: _read_header(file) for file in files}
    with _named_faults(path), open_regular(path, sys.maxsize) as file, zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        return {(one := _member_header(path, archive, member)).name: one for member in members}


def _read_header(file: Path) -> StoredArray:
    with _named_faults(file), open_regular(file, sys.maxsize) as stream:
        header = _header(stream, stream.seek(0, io.SEEK_END))
    return StoredArray(file.stem, file, header.shape, header.dtype, partial(_mapped, file, 0, header))


def _member_header(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    """Return an array of an archive; compare its size with the archive's before anything is unpacked."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename} is compressed by another method than deflate")
    if member.file_size > _MOST_RATIO * min(member.compress_size, path.stat().st_size) + _MOST_HEADER_BYTES:
        raise ValueError(f"{member.filename} claims {member.file_size:,} bytes")
    with archive.open(member) as stream:
        header = _header(stream, member.file_size)
    is_stored = member.compress_type == zipfile.ZIP_STORED
    load = partial(_mapped_member, path, member, header) if is_stored else partial(_decompressed, path, member)
    return StoredArray(member.filename.removesuffix(".npy"), path, header.shape, header.dtype, load)


def _header(stream: IO[bytes], file_bytes: int) -> _Header:
    """Return what the header says.

    Args:
        file_bytes: the file's size.

    Raises:
        ValueError: it is no header, or claims more or fewer values than the file has.
    """
    stream.seek(0)
    start = io.BytesIO(stream.read(_MOST_HEADER_BYTES))  # never as much as the header says that it has
    read = npy.read_array_header_1_0 if npy.read_magic(start) == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(start)
    claimed = math.prod(shape) * dtype.itemsize
    if any(side < 0 for side in shape) or not dtype.itemsize:
        raise ValueError(f"an array of the shape {shape} and the type {dtype}")
    if claimed > file_bytes - start.tell() and not dtype.hasobject:
        raise ValueError(f"its header claims {claimed:,} bytes, it has {file_bytes - start.tell():,}")
    return _Header(shape, is_fortran, dtype, start.tell())


def _mapped(file: Path, start: int, header: _Header) -> Array:
    """Map an array that begins, with its header, at a position in a file."""
    with _named_faults(file):
        offset = start + header.length
        return np.memmap(file, header.dtype, "r", offset, header.shape, "F" if header.is_fortran else "C")


def _mapped_member(path: Path, member: zipfile.ZipInfo, header: _Header) -> Array:
    """Map an uncompressed member from the archive, after its checksum has been compared."""
    with _named_faults(path):
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            while stream.read(_BLOCK_BYTES):
                pass
        with open(path, "rb") as file:
            file.seek(member.header_offset)
            start = member.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size)))
    return _mapped(path, start, header)


def _decompressed(path: Path, member: zipfile.ZipInfo) -> Array:
    with _named_faults(path), zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        content: Array = npy.read_array(stream, allow_pickle=False)
        return content


@contextmanager
def _named_faults(path: Path) -> Iterator[None]:
    """Turn the errors of damaged, foreign and unreadable files into an `InputError` that names the file."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise DamagedError(f"{path} is damaged or not a file of NumPy arrays ({error}): save it again") from error
