"""Throughput measurements on disk: one JSON file each under ``throughput/``. Needs no torch.

The file's name has the measurement's name and the kind of device, so measuring again replaces the file.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from harness.errors import InputError
from harness.files import checked_json, read_each, with_sha256, write_text_atomically
from harness.foreign_files import list_folder, read_regular
from harness.results.forms import first_problem
from harness.results.ranges import MOST_COUNT
from harness.text import one_line
from harness.throughput.measurements import Measurement

FOLDER = "throughput"
_SCHEMA_VERSION = 2
_MOST_BYTES = 2**22  # gradient norms of a network of 1,202 layers have 0.1 MB
_MOST_CHARACTERS = 1000  # of a text, as the name of a layer or of a processor
_LEAST_NUMBER, _MOST_NUMBER = 1e-60, 1e40  # beyond the norms of vanished and exploded gradients in float32
_MOST_REASON_CHARACTERS = 250

_MEASUREMENTS: dict[str, TypeAdapter[Measurement]] = {
    kind.__name__: TypeAdapter(kind) for kind in get_args(Measurement)
}


class _Environment(BaseModel):
    """The fields of `describe_environment` that the tables need."""

    model_config = ConfigDict(strict=True, extra="allow")
    cpu: str
    gpu: str | None
    threads: int
    versions: dict[str, str | None]


class _File(BaseModel):
    """The content of a measurement's file."""

    model_config = ConfigDict(strict=True, extra="forbid")
    schema_version: int
    kind: str
    measured_at: str
    environment: _Environment
    measurement: dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """A measurement with its time (UTC, ISO 8601) and the environment that it was taken in."""

    measurement: Measurement
    measured_at: str
    environment: Mapping[str, Any]


def record(results_dir: Path, measurement: Measurement, environment: Mapping[str, Any]) -> Recorded:
    """Write a measurement, replacing an earlier one of the same name on the same kind of device.

    Args:
        environment: as `describe_environment` returns it.

    Raises:
        InputError: the folder of the measurements is a link: the files behind it may be another's.
    """
    recorded = Recorded(measurement, datetime.now(UTC).isoformat(timespec="seconds"), environment)
    content = {
        "schema_version": _SCHEMA_VERSION,
        "kind": type(measurement).__name__,
        "measured_at": recorded.measured_at,
        "environment": environment,
        "measurement": asdict(measurement),
    }
    folder = results_dir / FOLDER
    if folder.is_symlink():
        raise InputError(f"{folder} is a link, and no results are written through it: put the folder itself there")
    folder.mkdir(parents=True, exist_ok=True)
    device_kind = environment["device"].partition(":")[0]  # cuda of cuda:1
    write_text_atomically(folder / f"{measurement.name}-{device_kind}.json", with_sha256(content))
    return recorded


def read_recorded(results_dir: Path) -> tuple[list[Recorded], list[str]]:
    """Read every measurement in a results folder; return them, and an error line for each unreadable file."""
    folder = results_dir / FOLDER
    try:
        paths = list_folder(folder)
    except OSError as error:
        return [], [f"{folder} cannot be read: {error.strerror}"]
    return read_each([path for path in paths if path.suffix == ".json"], _read)


def _read(path: Path) -> Recorded:
    try:
        file = _File.model_validate(checked_json(read_regular(path, _MOST_BYTES), _SCHEMA_VERSION))
        environment = file.environment.model_dump()
        for value in _scalars([file.measurement, environment]):
            _require_possible(value)
        measurement = _MEASUREMENTS[file.kind].validate_json(json.dumps(file.measurement, allow_nan=False), strict=True)
        datetime.fromisoformat(file.measured_at)
        return Recorded(measurement, file.measured_at, environment)
    except KeyError as error:
        reason = f"unknown kind {error}; the kinds are {', '.join(_MEASUREMENTS)}"
    except ValidationError as error:
        reason = first_problem(error)
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, ArithmeticError, RecursionError) as error:
        reason = str(error)
    reason = one_line(reason, _MOST_REASON_CHARACTERS)
    raise InputError(f"{path} is not a throughput measurement of this harness: {reason}")


def _scalars(value: Any) -> Iterator[Any]:
    """Yield everything in nested lists and objects that is neither."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _scalars(inner)
    else:
        yield value


def _require_possible(value: Any) -> None:
    """Raise a ValueError for a number that nothing can measure, or a text that is none of the harness's."""
    if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
        raise ValueError(f"a text has {len(value):,} characters")
    if isinstance(value, int | float) and value:
        least, most = (1, MOST_COUNT) if isinstance(value, int) else (_LEAST_NUMBER, _MOST_NUMBER)
        if not least <= value <= most:
            raise ValueError(f"{value} is no count, time, speed or share that can be measured")
