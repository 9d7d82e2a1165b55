"""The memory of this user's runs, in the user's state folder.

Files that may come from strangers cannot vouch for themselves; what was once checked, or done, is remembered here.
"""

import contextlib
from pathlib import Path

import filelock

from harness.files import checked_json, with_sha256, write_text_atomically
from harness.users_files import read_of_user

_SCHEMA_VERSION = 1
_MOST_KEPT = 1000
_MOST_LOCK_SECONDS = 5.0  # held for milliseconds, unless its process is suspended
_MOST_BYTES = 2**22  # an entry takes about 100 bytes, or the length of a path


def user_state_dir() -> Path | None:
    """Return the folder of what is remembered between this user's runs; None for a user without a home."""
    import platformdirs

    try:
        folder = platformdirs.user_state_path("wider-or-deeper")
    except (RuntimeError, KeyError, OSError):
        return None
    return folder if folder.is_absolute() else None


class UserMemory:
    """Texts that are remembered, each with a remark for people who read the file.

    Without a state folder that this user can read and write, nothing is remembered.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __contains__(self, text: str) -> bool:
        """Return whether a text was remembered on this machine, by this user."""
        return text in self.remembered()

    def add(self, text: str, remark: str) -> None:
        """Store a text, if the state folder can be written to, and forget the oldest beyond the number kept."""
        folder = user_state_dir()
        if folder is None:
            return
        with contextlib.suppress(OSError):  # among them the lock's Timeout
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with filelock.FileLock(folder / f"{self._name}.lock", timeout=_MOST_LOCK_SECONDS):
                known = {one: other for one, other in self.remembered().items() if one != text}
                kept = dict([*known.items(), (text, remark)][-_MOST_KEPT:])
                content = {"schema_version": _SCHEMA_VERSION, self._name: kept}
                write_text_atomically(folder / f"{self._name}.json", with_sha256(content))

    def remembered(self) -> dict[str, str]:
        """Return the remarks by their texts; none if the file is absent, damaged or another user's."""
        folder = user_state_dir()
        if folder is None:
            return {}
        try:
            content = checked_json(read_of_user(folder / f"{self._name}.json", _MOST_BYTES), _SCHEMA_VERSION)
        except (OSError, ValueError):
            return {}
        known = content.get(self._name)
        return known if isinstance(known, dict) else {}
