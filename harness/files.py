"""Atomic writes, so that a crash leaves old or new content, and checksums that detect damage.

The protocol is that of databases: write a temporary file in the same folder, flush and synchronise it with the disk,
rename it over the old file, and synchronise the folder. JSON files carry the SHA-256 of their own content, because a
number with a flipped bit is still a number.

Every byte goes into a file that is provably the process's own: a new one, or a regular one of this user that has no
other name. Through a link, or into a hard link as ``cp -al`` makes them, a write would destroy another file's content.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BufferedRandom
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from harness.errors import InputError
from harness.foreign_files import list_folder, read_regular
from harness.text import spelled_out

Content = TypeVar("Content")
_TEMPORARY = ".writing-"
_TEMPORARY_NAME = re.compile(rf"{re.escape(_TEMPORARY)}[0-9a-f]{{32}}")
_MOST_LINES_BYTES = 2**30  # of a file to which lines are appended: a million epochs' records
_SEAL = "sha256"
_ESCAPED_SURROGATE = "\\ud"  # of a character beyond the first 65,536, or of a byte that is not UTF-8
REFUSED = ".refused"


def write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file atomically: let ``write`` fill a temporary file, then rename it to ``path``.

    Raises:
        OSError: the file could not be written; the old content stays.
    """
    temporary = path.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            flush_to_disk(file)
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_atomically(path: Path, text: str) -> None:
    """Write text to a file atomically, as UTF-8."""
    write_atomically(path, lambda file: file.write(text.encode()))


def append_line(path: Path, line: str) -> None:
    """Append a line to a text file and wait until it is on the disk.

    A link, or a file that has another name, is replaced by a file with the same content and the line.
    """
    content = line.encode() + b"\n"
    try:
        file = os.fdopen(open_own(path, os.O_WRONLY | os.O_APPEND), "ab")
    except FileNotFoundError:
        file = open(path, "xb")  # noqa: SIM115 - closed below
    except OSError:
        before = read_regular(path, _MOST_LINES_BYTES)
        write_atomically(path, lambda file: file.write(before + content))
        return
    with file:
        file.write(content)
        flush_to_disk(file)


def open_to_overwrite(path: Path) -> BufferedRandom:
    """Open a file for reading and writing whose content has no other name and no other owner.

    The file there is reused, with its content, if it is such a one, see `open_own`. Of any other only the name is
    removed, and the file is new.

    Raises:
        OSError: there is a folder of that name, or no file can be made.
    """
    try:
        return os.fdopen(open_own(path, os.O_RDWR), "r+b")
    except OSError:
        if path.is_dir() and not path.is_symlink():
            raise IsADirectoryError(errno.EISDIR, f"{path.name} is a folder", str(path)) from None
        path.unlink(missing_ok=True)
        return open(path, "x+b")


def open_own(path: str | Path, flags: int) -> int:
    """Return the descriptor of a regular file of this user that has no other name. No link is followed.

    Args:
        flags: of `os.open`; with `os.O_CREAT`, only this user can read the new file.

    Raises:
        FileNotFoundError: there is no file.
        OSError: it is another kind of file, or this system cannot show that it is none.
    """
    if not hasattr(os, "O_NOFOLLOW"):
        raise OSError(errno.ENOSYS, "this system may follow a link", str(path))
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EPERM, "it is a special file, has another name or is another user's", str(path))


def flush_to_disk(file: BinaryIO) -> None:
    """Wait until the content written to a file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a synchronised file to its final name, and synchronise its folder."""
    os.replace(temporary, path)
    if os.name != "nt":  # Windows cannot open a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_temporary_files(folder: Path) -> None:
    """Remove temporary files of processes killed while writing; no process may be writing there now."""
    for path in list_folder(folder):
        if _TEMPORARY_NAME.fullmatch(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)


def require_writable(folder: Path, option: str) -> None:
    """Create a folder if needed, and check that files can be written to it.

    Raises:
        InputError: the folder cannot be written to. The message names the option.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{option} {folder} cannot be written to ({error.strerror}): give another folder") from error


def expand_home(path: str | Path) -> Path:
    """Return the path with ``~`` replaced by the home folder.

    Raises:
        InputError: the home folder is unknown, as in a container whose user has no passwd entry and no HOME.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{path}: the home folder ~ is unknown: set HOME, or give a folder without ~") from error


@contextlib.contextmanager
def os_error_as_input_error(what: str, remedy: str) -> Iterator[None]:
    """Turn an OSError inside the block into an `InputError`: ``cannot WHAT (reason): REMEDY``."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot {what} ({error.strerror or error}): {remedy}") from error


def quarantine(path: Path) -> None:
    """Rename a file that failed its checks to ``*.refused``, so that it is not read but can be inspected."""
    path.replace(path.with_name(path.name + REFUSED))


def safe_name(name: str) -> str:
    """Replace characters other than letters, digits, ``-``, ``_`` and ``.`` by ``-``, for file names."""
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in name)


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest end of each path that no other path has: ``flowers``, ``a/flowers``.

    An end that is not the only one, of equal paths for example, has a number behind it.
    """
    whole = [path.resolve() if path.name in ("", "..") else path for path in paths]
    parts = [[part for part in path.parts if part != path.anchor] for path in whole]
    ends: list[str] = []
    names: list[str] = []
    for own in parts:
        lengths = (n for n in range(1, len(own)) if sum(other[-n:] == own[-n:] for other in parts) == 1)
        ends.append("/".join(own[-next(lengths, len(own)) :]))
        number = ends.count(ends[-1])
        names.append(ends[-1] if number == 1 else f"{ends[-1]} ({number})")
    return names


def with_sha256(content: Mapping[str, Any]) -> str:
    """Return a JSON object as text, with the SHA-256 of its content as the last entry.

    Raises:
        ValueError: a number is NaN or infinite, which JSON does not have.
    """
    return json.dumps({**content, _SEAL: _sha256(_canonical(content))}, indent=1, allow_nan=False) + "\n"


def checked_json(text: str | bytes, schema_version: int) -> dict[str, Any]:
    """Return the JSON object in a text that `with_sha256` wrote.

    Raises:
        ValueError: the text is not a JSON object, has another schema version, or does not match its SHA-256.
    """
    try:
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
        if content.get("schema_version") != schema_version:
            version = content.get("schema_version")
            raise ValueError(f"its schema_version is {version!r}, this harness reads {schema_version}")
        seal, canonical = content.pop(_SEAL, None), _canonical(content)
        if seal != _sha256(canonical):
            raise ValueError(
                "it has no SHA-256 of its content"
                if seal is None
                else "its content does not match its SHA-256: it was damaged, or changed by hand"
            )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    # Names of files that are not UTF-8, which no page, table or schema can hold.
    return _spelled_out(content) if _ESCAPED_SURROGATE in canonical else content


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _sha256(canonical: str) -> str:
    return hashlib.sha256(canonical.encode()).hexdigest()


def _spelled_out(content: Any) -> Any:
    """Return a JSON value with all its texts as `spelled_out`."""
    if isinstance(content, dict):
        return {spelled_out(key): _spelled_out(value) for key, value in content.items()}
    if isinstance(content, list):
        return [*map(_spelled_out, content)]
    return spelled_out(content) if isinstance(content, str) else content


def read_each(paths: Iterable[Path], read: Callable[[Path], Content]) -> tuple[list[Content], list[str]]:
    """Read each file, in order of path; return the contents and the messages of the `InputError`s raised."""
    contents: list[Content] = []
    problems: list[str] = []
    for path in sorted(paths):
        try:
            contents.append(read(path))
        except InputError as error:
            problems.append(str(error))
    return contents, problems
