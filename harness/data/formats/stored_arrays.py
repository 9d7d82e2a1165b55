"""NumPy arrays in an ``.npz`` file or a folder of ``.npy`` files; pickles are never read."""

import struct
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

Array = NDArray[Any]

_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip's member: lengths of its name and of its extra field follow
_BLOCK_BYTES = 2**20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)


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


def list_arrays(path: Path) -> dict[str, StoredArray]:
    """Return the arrays in an ``.npz`` file, or in the ``.npy`` files of a folder, by their names.

    Raises:
        InputError: a file cannot be read, is damaged, or is something else.
    """
    if path.is_dir():
        files = [file for file in list_folder(path)[1] if file.suffix.lower() == ".npy"]
        return {file.stem: _read_header(file) for file in files}
    with _named_faults(path), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        return {(one := _member_header(path, archive, member)).name: one for member in members}


def _read_header(file: Path) -> StoredArray:
    with _named_faults(file), open(file, "rb") as stream:
        shape, is_fortran, dtype = _header(stream)
        load = partial(_mapped, file, stream.tell(), shape, is_fortran, dtype)
    return StoredArray(file.stem, file, shape, dtype, load)


def _member_header(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    with archive.open(member) as stream:
        shape, is_fortran, dtype = _header(stream)
        offset = stream.tell()
    if member.compress_type == zipfile.ZIP_STORED:
        load = partial(_mapped_member, path, member, offset, shape, is_fortran, dtype)
    else:
        load = partial(_decompressed, path, member)
    return StoredArray(member.filename.removesuffix(".npy"), path, shape, dtype, load)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    """Return shape, Fortran's order and type; the stream is then at the first value."""
    version = npy.read_magic(stream)
    if version == (1, 0):
        return npy.read_array_header_1_0(stream)
    return npy.read_array_header_2_0(stream)


def _mapped(file: Path, offset: int, shape: tuple[int, ...], is_fortran: bool, dtype: "np.dtype[Any]") -> Array:
    with _named_faults(file):
        return np.memmap(file, dtype, "r", offset, shape, "F" if is_fortran else "C")


def _mapped_member(
    path: Path, member: zipfile.ZipInfo, offset: int, shape: tuple[int, ...], is_fortran: bool, dtype: "np.dtype[Any]"
) -> Array:
    """Map an uncompressed member from the archive, after its checksum has been compared."""
    with _named_faults(path):
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            while stream.read(_BLOCK_BYTES):
                pass
        with open(path, "rb") as file:
            file.seek(member.header_offset)
            start = member.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size)))
    return _mapped(path, start + offset, shape, is_fortran, dtype)


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
