"""Folders that only this user can write to, in places that all users of a machine share.

A name in /tmp can be guessed: another user may create the folder first, put links into it or hold its locks. So a
folder is used only if it is a real one, this user's own, and closed to others.
"""

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path

from harness.errors import InputError
from harness.files import open_own, os_error_as_input_error

_NAME = "wider-or-deeper"
_REMEDY = "set TMPDIR to a folder of your own, e.g. TMPDIR=/scratch/tmp"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def machine_folder() -> Path:
    """Return the folder in which this user's processes on this machine find each other; create it.

    It is the one in TMPDIR, which a cron job has as well as a login session; XDG_RUNTIME_DIR is unset in the first, and
    removed at the end of the second. Only if TMPDIR's cannot be used, all processes meet in XDG_RUNTIME_DIR instead.

    Raises:
        InputError: neither can be used; the message is about TMPDIR's.
    """
    try:
        return temporary_folder()
    except InputError:
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{_user()}")
        if runtime.is_absolute() and runtime.is_dir():
            with contextlib.suppress(InputError):
                return make_private(runtime / _NAME)
        raise


def temporary_folder(root: Path | None = None) -> Path:
    """Return this user's private folder in the temporary folder, for large files; create it.

    Args:
        root: the temporary folder; None for TMPDIR.

    Raises:
        InputError: there is no temporary folder, or the private one cannot be created or belongs to another user.
    """
    try:
        root = root or Path(tempfile.gettempdir())
    except OSError as error:
        raise InputError(f"no folder for temporary files can be written to: {_REMEDY}") from error
    return make_private(root / f"{_NAME}-{_user()}")


def make_private(folder: Path) -> Path:
    """Return a folder that only this user can enter: a new one, or an own one, closed to others.

    Raises:
        InputError: the folder cannot be created, is a link or belongs to another user.
    """
    with os_error_as_input_error(f"make the folder {folder}", _REMEDY):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=stat.S_IRWXU)
        found = folder.lstat()
    if not (stat.S_ISDIR(found.st_mode) and _is_own(found)):
        kind = "link" if stat.S_ISLNK(found.st_mode) else "folder" if stat.S_ISDIR(found.st_mode) else "file"
        raise InputError(
            f"{folder} is a {kind} of the user {_name(found.st_uid)}, not a folder of this user's own\n{_REMEDY}"
        )
    if os.name != "nt" and found.st_mode & _OTHERS:
        with os_error_as_input_error(f"close the folder {folder} to other users", _REMEDY):
            folder.chmod(stat.S_IRWXU)
            if folder.lstat().st_mode & _OTHERS:
                raise OSError(errno.EPERM, "its file system keeps no rights")
    return folder


def is_private(folder: Path) -> bool:
    """Return whether a folder is this user's own, and no other user can enter it."""
    found = folder.stat()
    return _is_own(found) and not found.st_mode & _OTHERS


def append(path: Path, content: bytes) -> None:
    """Append to a file of this user's own; create it if needed.

    Raises:
        OSError: as `harness.files.open_own` raises it.
    """
    # Windows has no flag that refuses links; there, an administrator makes them.
    with open(path, "ab", buffering=0, opener=None if os.name == "nt" else open_own) as file:
        file.write(content)


def _is_own(found: os.stat_result) -> bool:
    return os.name == "nt" or found.st_uid == _user()


def _name(user: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(user).pw_name
    except (ImportError, KeyError):
        return str(user)


def _user() -> int | str:
    return os.geteuid() if hasattr(os, "geteuid") else os.environ.get("USERNAME", "")
