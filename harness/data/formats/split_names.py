"""Names of the splits, as people spell them, and which split has the test images."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from harness.data.formats.folder_names import shown
from harness.data.split import SPLIT_SEED
from harness.errors import InputError
from harness.text import listed

Role = Literal["train", "test", "val"]

ROLES: Mapping[str, Role] = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "eval": "val",
}
"""Spellings of the splits in lower case; their case does not count."""
HELD_OUT_PERCENT = 20
HELD_OUT_NOTE = f" ({HELD_OUT_PERCENT} % held out as the test images, seed {SPLIT_SEED})"
"""What a layout without a split adds to its name."""


def role_of(name: str) -> Role | None:
    """Return the split that a name stands for; None for any other name."""
    return ROLES.get(name.strip().casefold())


def by_role(names: Iterable[str], place: object) -> dict[Role, str]:
    """Return the names of splits by their role; names of nothing are skipped.

    Raises:
        InputError: two names have the same role.
    """
    found: dict[Role, list[str]] = defaultdict(list)
    for name in names:
        if role := role_of(name):
            found[role].append(name)
    for same in found.values():
        if len(same) > 1:
            raise InputError(f"{place} has {listed(map(shown, same))} for the same split: merge them, or rename one")
    return {role: names[0] for role, names in found.items()}


def choose_test_role(roles: Iterable[Role]) -> Role | None:
    """Return the role of the test images: ``test``, else ``val``; None if neither is there."""
    present = set(roles)
    return "test" if "test" in present else "val" if "val" in present else None


def note_of(roles: Sequence[Role] | Mapping[Role, object]) -> str:
    """Return what the name of a layout says of these splits: empty for ``train`` and ``test`` alone."""
    if "val" not in roles:
        return ""
    return " (val is not used)" if "test" in roles else " (val as the test images)"
