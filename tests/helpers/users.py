"""Other users of the machine, and folders without rights, for tests that really have them."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

OTHER_USER = 65534  # the user without rights of its own, on every system


@contextlib.contextmanager
def place_of_all_users() -> Iterator[Path]:
    """Yield a new folder that every user can enter, unlike pytest's ``tmp_path``; remove it after the block."""
    folder = Path(tempfile.mkdtemp(prefix="all-users-"))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def as_other_user() -> Iterator[None]:
    """Run the block as another user; skip the test if this process may not."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    os.setegid(OTHER_USER)
    os.seteuid(OTHER_USER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextlib.contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Remove all rights on a file or folder for the block, which root runs as another user."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        with as_other_user() if os.geteuid() == 0 else contextlib.nullcontext():
            yield
    finally:
        path.chmod(mode)
