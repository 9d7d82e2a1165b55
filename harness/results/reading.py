"""Reading and validation of ``result.json`` and ``epochs.jsonl``.

Every value is checked: one of the wrong type, or out of its range, is refused with the field's name.
"""

import contextlib
import errno
import json
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from harness.errors import DamagedError, InputError
from harness.files import checked_json
from harness.foreign_files import read_regular
from harness.results.case_folder import is_name_of_case
from harness.results.contradictions import contradiction_in
from harness.results.forms import first_problem
from harness.results.result import SCHEMA_VERSION, Attempt, EpochRecord, Result

Value = TypeVar("Value")
_MOST_RESULT_BYTES = 2**26  # a confusion matrix of 3,000 classes
_MOST_RECORD_BYTES = 4096  # a record of 24 numbers and their names has about 1,000
_MOST_RECORDS_BYTES = 2**26  # 16,384 of those


def parse_result(text: str | bytes) -> Result:
    """Return the result that `Result.to_text` wrote.

    Raises:
        ValueError: the text is not a result, is damaged, or has another schema version.
    """
    try:
        result = validated(Result, checked_json(text, SCHEMA_VERSION))
    except ArithmeticError as error:  # a name with a depth of 400 digits, for example
        raise ValueError(f"a number is out of range: {error}") from error
    if problem := contradiction_in(result):
        raise ValueError(problem)
    return result


def read_result(path: Path) -> Result:
    """Read a ``result.json``.

    Raises:
        FileNotFoundError: the file does not exist.
        DamagedError: its content is not a valid result. The message names the file.
        InputError: the file cannot be read. The message names the file.
    """
    try:
        return parse_result(read_regular(path, _MOST_RESULT_BYTES))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise DamagedError(f"{path} is not a result of this harness: {error}") from error


def read_result_in_its_folder(path: Path) -> Result:
    """Read a result and check that it is in its case's folder: a copy would count the case twice.

    Raises:
        FileNotFoundError: the file does not exist.
        DamagedError: the file is damaged, or in another folder.
        InputError: the file cannot be read.
    """
    result = read_result(path)
    if not is_name_of_case(path.parent.name, result.case):
        raise DamagedError(f"{path} is a copy: the folder of its case is {result.case.folder_name}")
    return result


def read_epoch_records(path: Path, most: int | None = None) -> list[EpochRecord]:
    """Read the records of an ``epochs.jsonl``, in order.

    Args:
        most: the largest number of records that the file has; None if its case is not known.

    Raises:
        InputError: the file cannot be read, or a line is not the record of its epoch. The message names the line.
    """
    try:
        content = read_regular(path, most_epoch_bytes(most))
    except OSError as error:
        raise unreadable(path, error) from error
    return parse_epoch_records(path, content)


def parse_epoch_records(path: Path, content: bytes) -> list[EpochRecord]:
    """Return the records in the content of an ``epochs.jsonl``, in order.

    Raises:
        InputError: a line is not the record of its epoch. The message names the file and the line.
    """
    lines = content.splitlines()
    with contextlib.suppress(ValidationError):  # a fifth faster than line by line, which names the line
        records = _RECORDS.validate_json(b"[%s]" % b",".join(lines), strict=True)
        if [record.epoch for record in records] == [*range(1, len(lines) + 1)]:
            return records
    return [_parse_epoch_record(path, number, line) for number, line in enumerate(lines, 1)]


def _parse_epoch_record(path: Path, number: int, line: bytes) -> EpochRecord:
    try:
        record = validated(EpochRecord, line)
        if record.epoch != number:
            raise ValueError(f"it is of epoch {record.epoch}")
    except ValueError as error:
        raise InputError(f"{path}, line {number}: not the record of epoch {number} ({error})") from error
    return record


def most_epoch_bytes(epochs: int | None = None) -> int:
    """Return the largest size of an ``epochs.jsonl`` with so many records, or with an unknown number."""
    return _MOST_RECORDS_BYTES if epochs is None else min((epochs + 1) * _MOST_RECORD_BYTES, _MOST_RECORDS_BYTES)


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that cannot be read; a special file or one of another size is damaged."""
    kind = DamagedError if error.errno in (errno.EINVAL, errno.EFBIG) else InputError
    return kind(f"{path} cannot be read: {error.strerror}")


def validated(kind: type[Value], content: Any) -> Value:
    """Return an `EpochRecord`, `Attempt` or `Result` from JSON, given as bytes or as plain values.

    Raises:
        ValueError: a field is missing, of the wrong type or out of its range. The message names the field.
    """
    text = content if isinstance(content, bytes) else json.dumps(content, allow_nan=False).encode()
    try:
        return cast(Value, _ADAPTERS[kind].validate_json(text, strict=True))
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (EpochRecord, Attempt, Result)}
_RECORDS: TypeAdapter[list[EpochRecord]] = TypeAdapter(list[EpochRecord])
