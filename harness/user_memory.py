"""The memory of this user's runs, in the user's state folder.

Files that may come from strangers cannot vouch for themselves; what was once checked, or done, is remembered here.
"""

import contextlib
from pathlib import Path

from harness.files import checked_json, with_sha256, write_text_atomically
from harness.users_files import read_of_user

_SCHEMA_VERSION = 1
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

    Attributes:
        most_kept: the number of entries; the oldest are forgotten first.
    """

    def __init__(self, name: str, most_kept: int = 1000) -> None:
        self._name = name
        self.most_kept = most_kept

    def __contains__(self, text: str) -> bool:
        """Return whether a text was remembered on this machine, by this user."""
        return text in self.remembered()

    def add(self, text: str, remark: str) -> None:
        """Store a text, if the state folder can be written to."""
        folder = user_state_dir()
        if folder is None:
            return
        known = {one: other for one, other in self.remembered().items() if one != text}
        kept = dict([*known.items(), (text, remark)][-self.most_kept :])
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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
