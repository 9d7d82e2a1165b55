"""Reading and validation of ``result.json`` and ``epochs.jsonl``.

Every value is checked: one of the wrong type, or out of its range, is refused with the field's name.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from harness.errors import DamagedError, InputError
from harness.files import checked_json
from harness.results.case_folder import is_name_of_case
from harness.results.result import SCHEMA_VERSION, Attempt, EpochRecord, Result
from harness.text import count_noun

Value = TypeVar("Value")


def parse_result(text: str | bytes) -> Result:
    """Return the result that `Result.to_text` wrote.

    Raises:
        ValueError: the text is not a result, is damaged, or has another schema version.
    """
    result = validated(Result, checked_json(text, SCHEMA_VERSION))
    if problem := _first_contradiction(result):
        raise ValueError(problem)
    return result


def names_the_device(environment: Mapping[str, Any]) -> bool:
    """Return whether the environment has the entries that tables need, each of its type."""
    kinds = {
        "cpu": str, "gpu": str | None, "threads": int | None, "training_code": str | None, "code": dict,
        "node": str | None, "co_scheduled": bool | None, "processes": int, "machines": int,
    }  # fmt: skip
    return {"cpu", "gpu"} <= environment.keys() and all(
        isinstance(environment.get(name), kind) for name, kind in kinds.items() if name in environment
    )


def _first_contradiction(result: Result) -> str | None:
    """Return the first contradiction between fields, or None."""
    environments = (result.environment, *(attempt.environment for attempt in result.attempts))
    if not all(map(names_the_device, environments)):
        return "its environment lacks 'cpu' or 'gpu', or an entry has the wrong type"
    measures = ("accuracy_percent", "best_accuracy_percent", "best_epoch", "macro_f1_percent", "marginal_gain")
    lacking = [name for name in measures if getattr(result, name) is None]
    if result.is_complete and lacking:
        return f"{lacking[0]} is missing"
    if result.epochs != len(result.epoch_seconds):
        return f"it has {count_noun(result.epochs, 'epoch')} but the seconds of {len(result.epoch_seconds)}"
    if not math.isclose(result.total_seconds, sum(result.epoch_seconds), abs_tol=1e-9):
        return "its total_seconds is not the sum of its epoch_seconds"
    of_case = (result.case.model, result.case.dataset, result.case.seed, result.case.mode)
    if (result.model, result.dataset, result.seed, result.mode) != of_case:
        return "its model, dataset, seed or mode is not its case's"
    return None


def read_result(path: Path) -> Result:
    """Read a ``result.json``.

    Raises:
        FileNotFoundError: the file does not exist.
        DamagedError: its content is not a valid result. The message names the file.
        InputError: the file cannot be read. The message names the file.
    """
    if path.exists() and not path.is_file():
        raise DamagedError(f"{path} is not a file")  # opening a pipe, for example, would block
    try:
        return parse_result(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
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


def read_epoch_records(path: Path) -> list[EpochRecord]:
    """Read the records of an ``epochs.jsonl``, in order.

    Raises:
        InputError: the file cannot be read, or a line is not the record of its epoch. The message names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    records: list[EpochRecord] = []
    for number, line in enumerate(lines, 1):
        try:
            record = validated(EpochRecord, line)
            if record.epoch != number:
                raise ValueError(f"it is of epoch {record.epoch}")
        except ValueError as error:
            raise InputError(f"{path}, line {number}: not the record of epoch {number} ({error})") from error
        records.append(record)
    return records


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


def first_problem(error: ValidationError) -> str:
    """Return the first of pydantic's objections to a value, with the field's name."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (EpochRecord, Attempt, Result)}
