"""Writing files so that a crash leaves the old content or the new, and reading them so that damage is found out.

The protocol is that of databases: a temporary file in the same folder, written, flushed and synchronised with the disk,
renamed over the old one, and the folder synchronised too. What a JSON file of ours says is sealed by its own SHA-256,
because a flipped bit in a number is a number.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from harness.errors import InputError

Content = TypeVar("Content")
_TEMPORARY = ".writing-"
_SEAL = "sha256"
REFUSED = ".refused"


def write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Have ``write`` fill a temporary file beside ``path``, then put it in place: the old content or the new, whole.

    Raises:
        OSError: it could not be written; the old content stays.
    """
    temporary = path.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
    try:
        with open(temporary, "wb") as file:
            write(file)
            synchronise(file)
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_atomically(path: Path, text: str) -> None:
    """`write_atomically` for text, as UTF-8."""
    write_atomically(path, lambda file: file.write(text.encode()))


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file, on the disk when this returns."""
    with open(path, "ab") as file:
        file.write(line.encode() + b"\n")
        synchronise(file)


def synchronise(file: BinaryIO) -> None:
    """Wait until what was written to the file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a file that is on the disk to its final name, so that the name is on the disk too."""
    os.replace(temporary, path)
    if os.name != "nt":  # Windows cannot open a folder, and needs not
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_temporary_files(folder: Path) -> None:
    """Remove what processes that were killed while writing left behind; none may be writing there now."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


def require_writable(folder: Path, option: str) -> None:
    """Make sure that there is a folder and that files can be made in it.

    Raises:
        InputError: they cannot; it names the option.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{option} {folder} cannot be written to ({error.strerror}): give another folder") from error


@contextlib.contextmanager
def os_error_as_input_error(what: str, remedy: str) -> Iterator[None]:
    """Turn an OSError inside into an `InputError`: ``cannot WHAT (reason): REMEDY``."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot {what} ({error.strerror or error}): {remedy}") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def quarantine(path: Path) -> None:
    """Put a file that is not to be trusted out of the way, as ``*.refused``, where a person may look at it."""
    path.replace(path.with_name(path.name + REFUSED))


def safe_name(name: str) -> str:
    """A name as part of a file's on any file system: letters, digits, ``-``, ``_`` and ``.`` stay, others are ``-``."""
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in name)


def sealed(content: Mapping[str, Any]) -> str:
    """A JSON object with its ``schema_version`` as text, the SHA-256 of what it says as its last entry.

    Raises:
        ValueError: a number in it is none, which JSON cannot say.
    """
    return json.dumps({**content, _SEAL: _digest(content)}, indent=1, allow_nan=False) + "\n"


def unsealed(text: str | bytes, schema_version: int) -> dict[str, Any]:
    """The JSON object that `sealed` put into words.

    Raises:
        ValueError: it is none, of another schema, or its SHA-256 is not that of what it says.
    """
    try:
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
        if content.get("schema_version") != schema_version:
            version = content.get("schema_version")
            raise ValueError(f"its schema_version is {version!r}, this harness reads {schema_version}")
        seal = content.pop(_SEAL, None)
        if seal != _digest(content):
            raise ValueError(
                "it has no SHA-256 of its content"
                if seal is None
                else "its content is not what its SHA-256 says: it was damaged, or changed by hand"
            )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return content


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def read_each(paths: Iterable[Path], read: Callable[[Path], Content]) -> tuple[list[Content], list[str]]:
    """What ``read`` makes of each file, in the order of their names, and the `InputError` of each that it refuses."""
    contents: list[Content] = []
    problems: list[str] = []
    for path in sorted(paths):
        try:
            contents.append(read(path))
        except InputError as error:
            problems.append(str(error))
    return contents, problems
