"""Reading of the small files that studies declare something in, beside the results."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.errors import DamagedError
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
