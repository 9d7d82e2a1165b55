"""Scratch folders of the cases that train on a node."""

import contextlib
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import filelock

from harness.foreign_files import list_folder
from harness.private_folder import make_private, temporary_folder


@contextlib.contextmanager
def scratch_folder(place: Path | None = None) -> Iterator[Path]:
    """Yield a scratch folder for a case; first remove those of killed workers, whose locks are free.

    Raises:
        InputError: the place is not a folder of this user's own.
    """
    place = make_private(place or temporary_folder() / "scratch")
    for abandoned in filter(_is_scratch_lock, list_folder(place)):
        with contextlib.suppress(filelock.Timeout, OSError), filelock.FileLock(abandoned, blocking=False):
            shutil.rmtree(abandoned.with_suffix(""), ignore_errors=True)
            abandoned.unlink(missing_ok=True)
    folder = place / uuid.uuid4().hex
    lock = folder.with_suffix(".lock")
    with filelock.FileLock(lock):
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _is_scratch_lock(path: Path) -> bool:
    """Return whether a file's name is one that `scratch_folder` gives."""
    return re.fullmatch(r"[0-9a-f]{32}\.lock", path.name) is not None
