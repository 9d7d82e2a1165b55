"""The small files that studies declare something in, beside the results: reading and writing."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import filelock
from pydantic import TypeAdapter, ValidationError

from harness.errors import DamagedError
from harness.files import os_error_as_input_error, write_text_atomically
from harness.foreign_files import read_regular

Value = TypeVar("Value")
_MOST_BYTES = 2**24  # of some hundred bytes for each study


def read_declared(path: Path, adapter: TypeAdapter[Value], absent: Value, what: str, remedy: str) -> Value:
    """Read a file of declarations; return ``absent`` if there is none.

    Args:
        what: what the file declares, for the error.
        remedy: continues the error: ``delete it …``.

    Raises:
        DamagedError: the file does not have its form, or cannot be read.
    """
    try:
        return adapter.validate_json(read_regular(path, _MOST_BYTES))
    except FileNotFoundError:
        return absent
    except (OSError, ValidationError, ArithmeticError) as error:  # a name with a depth of 400 digits, for example
        reason = error.strerror if isinstance(error, OSError) else f"it does not have the form of declared {what}"
        raise DamagedError(f"{path}: {reason}; {remedy}") from error


@contextlib.contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold the lock of a file of declarations while it is read and written.

    Raises:
        InputError: its folder cannot be made, or the file cannot be locked or written.
    """
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    with os_error_as_input_error(f"lock {lock.lock_file}", "remove it, or give another --results-dir"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        with os_error_as_input_error(f"write {path}", "give another --results-dir"):
            yield
    finally:
        lock.release()


def write_declared(path: Path, adapter: TypeAdapter[Value], value: Value) -> None:
    """Write a file of declarations."""
    write_text_atomically(path, json.dumps(adapter.dump_python(value, mode="json"), indent=1) + "\n")
