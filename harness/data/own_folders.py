"""Folders into which other programs write: they must hold no link and no hard link to other files."""

import os
import shutil
from functools import partial
from pathlib import Path

from harness.files import write_atomically


def make_files_own(folder: Path) -> None:
    """Remove all links in a folder, and replace each file that has another name by a copy.

    Raises:
        OSError: a file cannot be copied or removed.
    """
    for place, folders, names in os.walk(folder):
        for path in (Path(place, name) for name in [*folders, *names]):
            if path.is_symlink():
                path.unlink()
            elif path.is_file() and path.stat().st_nlink > 1:
                with open(path, "rb") as source:
                    write_atomically(path, partial(shutil.copyfileobj, source))
