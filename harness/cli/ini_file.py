"""The options in pytest's ini file, for commands that run without pytest."""

from collections.abc import Sequence
from pathlib import Path

from harness.config.ini_values import ini_texts
from harness.config.option import Option
from harness.errors import InputError


def read_ini_file(options: Sequence[Option]) -> dict[str, str]:
    """Read the given options in the ini file that pytest finds from the current folder, as text, by key.

    Raises:
        InputError: pytest cannot read the file.
    """
    import pytest
    from _pytest.config.findpaths import locate_config  # nothing public finds the file without running pytest

    try:
        _, file, values, _ = locate_config(Path.cwd(), [])
    except (pytest.UsageError, pytest.fail.Exception, OSError, ValueError) as error:
        raise InputError(f"pytest's ini file cannot be read: {error}") from error
    if file is None:
        return {}
    return ini_texts({key: found.value for key, found in values.items()}, options, file.parent)
