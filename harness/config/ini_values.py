"""The values in pytest's ini file, of any type and form, as text. Needs no torch, no pytest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.config.option import Option
from harness.errors import InputError

_QUOTES = "'\""


def ini_texts(values: Mapping[str, object], options: Sequence[Option], folder: Path) -> dict[str, str]:
    """Return the options' values as their parsers take them, by the key that the ini file has.

    Args:
        values: from an ini file, texts and lists of texts; from a TOML file, any type of TOML.
        folder: of the ini file; its relative paths start there.

    Raises:
        InputError: an option for one folder has a list of several.
    """
    given = {key: (option, values[key]) for option in options for key in option.ini_keys if key in values}
    return {key: _text(key, option, value, folder) for key, (option, value) in given.items()}


def _text(key: str, option: Option, value: object, folder: Path) -> str:
    if option.ini_type == "paths":
        items = value if isinstance(value, list) else [value]
        if len(items) > 1:
            raise InputError(f"ini key {key} {value!r}: give one folder")
        text = "".join(map(_scalar, items))
        return str(folder / text) if text and not text.startswith("~") else text
    if isinstance(value, list):
        return ",".join(map(_scalar, value))
    text = _scalar(value)
    if option.ini_type == "args" and "," not in text:
        return ",".join(text.split())
    return text


def _scalar(value: object) -> str:
    """Return a value as text, without quotes: those of an ini file are part of its values."""
    text = str(value).strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1] if is_quoted else text
