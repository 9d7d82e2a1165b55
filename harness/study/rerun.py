"""The progress of a ``--rerun``, kept on disk so that an interrupted one resumes."""

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import TypeGuard

from harness.files import checked_json, with_sha256, write_text_atomically
from harness.foreign_files import read_regular

_FILE = ".rerun.json"
_SCHEMA_VERSION = 1
_MOST_BYTES = 2**24  # 100,000 cases, each asked for and left


class Rerun:
    """Cases to train again though they are finished, by identity; kept on disk while any is left."""

    def __init__(self, results_dir: Path) -> None:
        self._path = results_dir / _FILE
        self._asked: set[str] = set()
        self._left: set[str] = set()

    def begin(self, selected: Collection[str], outdated: Collection[str] = ()) -> int:
        """Start or resume a rerun of the selected cases; return how many of them are already trained again.

        An earlier rerun is forgotten if none of the cases that it left is selected. A later call adds cases.

        Args:
            outdated: cases to train again even if the interrupted rerun has done so: the code has changed since.
        """
        asked, left = (self._asked, self._left) if self._asked else self._read()
        if not self._asked and not left & set(selected):
            asked, left = set(), set()
        done = asked - left - set(outdated)
        self._asked, self._left = asked | set(selected), (left | set(selected)) - done
        self._write()
        return len(done & set(selected))

    def is_pending(self, identity: str) -> bool:
        """Return whether the case still has to be trained again."""
        return identity in self._left or identity not in self._asked

    def mark_done(self, identity: str) -> None:
        """Record that the case has been trained again."""
        self._asked.add(identity)
        self._left.discard(identity)
        self._write()

    def _read(self) -> tuple[set[str], set[str]]:
        try:
            content = checked_json(read_regular(self._path, _MOST_BYTES), _SCHEMA_VERSION)
        except (OSError, ValueError):
            return set(), set()
        asked, left = (content.get(name) for name in ("asked", "left"))
        if not (_are_identities(asked) and _are_identities(left)):
            return set(), set()
        return set(asked), set(left)

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # then an interrupted rerun starts from scratch
            if self._left:
                lists = {"asked": sorted(self._asked), "left": sorted(self._left)}
                write_text_atomically(self._path, with_sha256({"schema_version": _SCHEMA_VERSION, **lists}))
            else:
                self._path.unlink(missing_ok=True)


def _are_identities(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
