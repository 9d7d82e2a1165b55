"""The settings that close a Ray cluster of this machine alone to the machine's other users.

Whoever reaches Ray's ports or writes to its folder runs code as this user. Ray listens on every network interface, and
makes its folder /tmp/ray writable for all.
"""

import contextlib
import functools
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.private_folder import is_private, temporary_folder

_TOKEN, _MODE = "RAY_AUTH_TOKEN", "RAY_AUTH_MODE"


@contextlib.contextmanager
def private_cluster() -> Iterator[str | None]:
    """Make a cluster started in this block demand a token that only it knows; yield its folder.

    Without RAY_AUTH_MODE, Ray demands a token in a cluster of this machine's own. Without RAY_AUTH_TOKEN it would write
    one to the home folder, where other users may be able to read it.

    Raises:
        InputError: another user has taken the name of the private folder.
        OSError: the temporary folder does not exist.
    """
    folder = ray_folder()
    before = {name: os.environ.pop(name, None) for name in (_TOKEN, _MODE)}
    os.environ[_TOKEN] = _token()
    try:
        yield folder
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@functools.cache
def _token() -> str:
    """Return this process's token, always the same: Ray reads it once per process."""
    return secrets.token_hex(32)


def ray_folder(variables: Mapping[str, str] = os.environ) -> str | None:
    """Return the folder for Ray's sockets and logs, inside a private one; None, Ray's default, on Windows.

    A temporary folder that is private itself serves as it is: the sockets' paths may have 107 bytes only.

    Raises:
        InputError: another user has taken the name of the private folder.
        OSError: the temporary folder does not exist.
    """
    if os.name == "nt":
        return None
    of_linux = variables.get("TMPDIR") if sys.platform.startswith("linux") else None  # as Ray does
    root = Path(variables.get("RAY_TMPDIR") or of_linux or "/tmp")
    return str((root if is_private(root) else temporary_folder(root)) / "ray")
