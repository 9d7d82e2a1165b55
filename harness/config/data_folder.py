"""The user's folders: of datasets if no option names one, and of memories. Needs no torch, no pytest."""

from pathlib import Path

from harness.private_folder import temporary_folder


def default_data_dir() -> Path:
    """Return the default data folder: in this user's cache folder, or without a home in TMPDIR.

    A container's user often has neither a passwd entry nor HOME.

    Raises:
        InputError: there is no temporary folder of this user's own either.
    """
    import platformdirs

    try:
        return platformdirs.user_cache_path("wider-or-deeper") / "data"
    except (RuntimeError, KeyError, OSError):
        return temporary_folder() / "data"
