"""Names of files and folders, equal on every system, and how to show those that look alike."""

import os
import unicodedata

_UNSEEN = {"Cc", "Cf", "Zs"}  # control characters, zero-width ones, spaces
_JOINING = {"Pc", "Pd"}  # underscores, dashes


def canonical_name(name: str) -> str:
    """Return a name that was read from a disk in NFC, decoded as UTF-8 in every locale.

    macOS writes NFD: ``é`` is then an ``e`` and an accent. In one form, names sort and compare alike on all systems.
    """
    if name.isascii():
        return name
    if os.name == "posix":
        name = os.fsencode(name).decode("utf-8", "surrogateescape")
    return composed(name)


def composed(name: str) -> str:
    """Return the name in NFC."""
    return unicodedata.normalize("NFC", name)


def look_alike_key(name: str) -> str:
    """Return what is left of a name without case, spaces, dashes and characters that are not seen."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(one for one in folded if unicodedata.category(one) not in _UNSEEN | _JOINING)


def shown(name: str) -> str:
    """Return the name in quotes, and escaped beside it if it has other characters than ASCII's."""
    return repr(name) if name.isascii() else f"{name!r} ({name!a})"


def plain(name: str) -> str:
    """Return the name as it is if it can be mistaken for no other, else as `shown` does."""
    return name if name.isascii() and name.isprintable() and name == name.strip() else shown(name)
