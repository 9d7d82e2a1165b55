"""The folder of the datasets if no option names one. Needs no torch, no pytest."""

import os
import tempfile
from pathlib import Path

from harness.errors import InputError


def default_data_dir() -> Path:
    """Return the default data folder: in this user's cache folder, or without a home in TMPDIR.

    A container's user often has neither a passwd entry nor HOME.

    Raises:
        InputError: there is no temporary folder either.
    """
    import platformdirs

    try:
        return platformdirs.user_cache_path("wider-or-deeper") / "data"
    except (RuntimeError, KeyError, OSError):
        return _temporary_folder() / f"wider-or-deeper-{_user()}" / "data"


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise InputError(
            "no folder for temporary files can be written to: set TMPDIR to one, e.g. TMPDIR=/scratch/tmp"
        ) from error


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
