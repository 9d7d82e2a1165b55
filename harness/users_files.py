"""Files that this user's own runs wrote: caches, findings and memories, which are believed.

A file of the same name that another user put there is not: it could show other images than the files beside it.
"""

import errno
import os
import sys
from pathlib import Path
from typing import BinaryIO

from harness.foreign_files import open_regular


class OthersFileError(OSError):
    """A file that belongs to another user."""


def open_of_user(path: Path, most_bytes: int = sys.maxsize) -> BinaryIO:
    """Open a file that this user, or root, wrote.

    Raises:
        OthersFileError: it belongs to another user.
        OSError: as `harness.foreign_files.open_regular` raises it.
    """
    file = open_regular(path, most_bytes)
    if hasattr(os, "geteuid") and os.fstat(file.fileno()).st_uid not in (os.geteuid(), 0):
        file.close()
        raise OthersFileError(errno.EPERM, "it belongs to another user", str(path))
    return file


def read_of_user(path: Path, most_bytes: int) -> bytes:
    """Return the content of a file that this user, or root, wrote.

    Raises:
        OSError: as `open_of_user` raises it.
    """
    with open_of_user(path, most_bytes) as file:
        return file.read()
