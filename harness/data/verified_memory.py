"""The memory of what was verified by published checksums: images and downloaded files.

It lies in the user's state folder: a data folder, which may come from strangers, cannot vouch for itself. Without a
state folder that this user can read and write, everything is verified each time.
"""

import contextlib

from harness.config.data_folder import user_state_dir
from harness.data.own_files import read_own
from harness.files import checked_json, with_sha256, write_text_atomically

_FILE = "verified.json"
_SCHEMA_VERSION = 1
_MOST_KEPT = 1000  # more than a user's datasets; the oldest are forgotten first
_MOST_BYTES = 2**20  # each takes about 100


def is_remembered(sha256: str) -> bool:
    """Return whether a SHA-256 was remembered on this machine, by this user."""
    return sha256 in remembered()


def remember(sha256: str, name: str) -> None:
    """Record a SHA-256, if the state folder can be written to.

    Args:
        name: the dataset's name, for people who read the file.
    """
    folder = user_state_dir()
    if folder is None:
        return
    known = {one: other for one, other in remembered().items() if one != sha256}
    kept = dict([*known.items(), (sha256, name)][-_MOST_KEPT:])
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = {"schema_version": _SCHEMA_VERSION, "verified": kept}
        write_text_atomically(folder / _FILE, with_sha256(content))


def remembered() -> dict[str, str]:
    """Return datasets' names by SHA-256; none if the file is absent, damaged or another user's."""
    folder = user_state_dir()
    if folder is None:
        return {}
    try:
        content = checked_json(read_own(folder / _FILE, _MOST_BYTES), _SCHEMA_VERSION)
    except (OSError, ValueError):
        return {}
    known = content.get("verified")
    return known if isinstance(known, dict) else {}
