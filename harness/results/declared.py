"""Reading of the small files that studies declare something in, beside the results."""

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.errors import DamagedError

Value = TypeVar("Value")


def read_declared(path: Path, adapter: TypeAdapter[Value], absent: Value, what: str, remedy: str) -> Value:
    """Read a file of declarations; return ``absent`` if there is none.

    Args:
        what: what the file declares, for the error.
        remedy: continues the error: ``delete it …``.

    Raises:
        DamagedError: the file does not have its form, or cannot be read.
    """
    try:
        return adapter.validate_json(path.read_bytes())
    except FileNotFoundError:
        return absent
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it does not have the form of declared {what}"
        raise DamagedError(f"{path}: {reason}; {remedy}") from error
