"""Reading of files and folders that may come from strangers: never blocked, never without a limit.

A pipe, a device or a sparse file of many gigabytes may stand where a small file is expected. Every function here raises
an OSError for those, as for a file that cannot be read, so that a caller handles all of them alike.
"""

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

_NEVER_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_SPECIAL = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}  # fmt: skip
_BLOCK = 2**20


def open_regular(path: str | Path, most_bytes: int) -> BinaryIO:
    """Open a regular file for reading; a link is followed.

    Args:
        most_bytes: the largest size that a file of this kind has.

    Raises:
        FileNotFoundError: the file does not exist.
        OSError: it is not a regular file, is larger than that, or cannot be opened; ``strerror`` says which.
    """
    descriptor = os.open(path, os.O_RDONLY | _NEVER_WAIT)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            kind = _SPECIAL.get(stat.S_IFMT(found.st_mode), "a special file")
            raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
        if found.st_size > most_bytes:
            raise _too_large(path, f"{found.st_size:,}", most_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | Path, most_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        FileNotFoundError: the file does not exist.
        OSError: as `open_regular` raises it, or the file grew beyond the limit while it was read.
    """
    with open_regular(path, most_bytes) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)  # not up to the limit, for which Python would reserve memory
        if len(content) > size:
            content += file.read(most_bytes - size)
    if len(content) > most_bytes:
        raise _too_large(path, "more", most_bytes)
    return content


def sha256_of(path: str | Path, most_bytes: int) -> str:
    """Return the SHA-256 of a regular file's content, in hexadecimal.

    Raises:
        FileNotFoundError: the file does not exist.
        OSError: as `read_regular` raises it.
    """
    digest, left = hashlib.sha256(), most_bytes
    with open_regular(path, most_bytes) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            left -= len(block)
            if left < 0:
                raise _too_large(path, "more", most_bytes)
    return digest.hexdigest()


def list_folder(folder: str | Path) -> list[Path]:
    """Return the paths of everything in a folder, in order; empty if the folder does not exist.

    Unlike `Path.glob`, which skips a folder that it may not read: absent and unreadable are two things.

    Raises:
        OSError: the folder cannot be read, or is not a folder.
    """
    try:
        return sorted(Path(folder, name) for name in os.listdir(folder))
    except FileNotFoundError:
        return []


def _too_large(path: str | Path, found: str, most_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it has {found} bytes, and such a file has at most {most_bytes:,}", str(path))
