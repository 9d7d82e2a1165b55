"""Texts without absolute paths and credentials: a report is passed on to others."""

import functools
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from harness.credentials import message_without_credentials, without_credentials

_MAX_COMMAND = 10_000  # characters
_NAME = r"[^\s/\\'\"<>|:;,()]+"
_ABSOLUTE = re.compile(rf"(?<![\w.~/\\<-])(?:[A-Za-z]:[/\\]|/)(?:{_NAME}[/\\])*({_NAME})[/\\]?")
_PATH_PART = re.compile(r"(?:(?<=^)|(?<=[=:]))(?:[A-Za-z]:[/\\]|/(?!/))\S.*$")


def without_absolute_paths(text: str, names: Mapping[str, str] | None = None) -> str:
    """Return a text with each absolute path replaced by its last name, and credentials masked.

    Args:
        names: short names of known folders by path; such a path may hold spaces, and what follows it is kept.
    """
    known = {path: name for path, name in (names or {}).items() if Path(path).is_absolute()}
    for path in sorted(known, key=len, reverse=True):
        text = text.replace(path, known[path])
    return _ABSOLUTE.sub(r"\1", message_without_credentials(text))


def shortened(command: str) -> str:
    """Return a command line, without its end if it is too long to be read."""
    return command if len(command) <= _MAX_COMMAND else f"{command[:_MAX_COMMAND]}…"


@functools.cache  # every run of a study has the same command
def short_command(command: str) -> str:
    """Return a command line without absolute paths, and with credentials masked.

    Paths in the working folder become relative to it, others their last names.
    """
    command = without_credentials(shortened(command))
    try:
        words = shlex.split(command)
    except ValueError:  # not a shell's line
        words = []
    if not words or shlex.join(words) != command:  # quoted by hand: keep the quotes
        return without_absolute_paths(command, {f"{Path.cwd()}/": ""})
    return shlex.join([_PATH_PART.sub(lambda found: short_path(found[0]), word) for word in words])


def short_path(path: str) -> str:
    """Return a path relative to the working folder if it lies there, else its last name."""
    found = Path(path.replace("\\", "/"))
    if found.is_relative_to(Path.cwd()):
        return found.relative_to(Path.cwd()).as_posix()
    return found.name or "/"
