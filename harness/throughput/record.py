"""Throughput measurements on disk: one JSON file each under ``throughput/``. Needs no torch.

The file's name has the measurement's name and the kind of device, so measuring again replaces the file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from harness.errors import InputError
from harness.files import checked_json, read_each, with_sha256, write_text_atomically
from harness.results.reading import first_problem
from harness.throughput.measurements import Measurement

FOLDER = "throughput"
_SCHEMA_VERSION = 2

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
    folder.mkdir(parents=True, exist_ok=True)
    device_kind = environment["device"].partition(":")[0]  # cuda of cuda:1
    write_text_atomically(folder / f"{measurement.name}-{device_kind}.json", with_sha256(content))
    return recorded


def read_recorded(results_dir: Path) -> tuple[list[Recorded], list[str]]:
    """Read every measurement in a results folder; return them, and an error line for each unreadable file."""
    return read_each((results_dir / FOLDER).glob("*.json"), _read)


def _read(path: Path) -> Recorded:
    try:
        file = _File.model_validate(checked_json(path.read_bytes(), _SCHEMA_VERSION))
        measurement = _MEASUREMENTS[file.kind].validate_json(json.dumps(file.measurement, allow_nan=False), strict=True)
        datetime.fromisoformat(file.measured_at)
        return Recorded(measurement, file.measured_at, file.environment.model_dump())
    except KeyError as error:
        raise InputError(
            f"{path} is not a throughput measurement of this harness: "
            f"unknown kind {error}; the kinds are {', '.join(_MEASUREMENTS)}"
        ) from error
    except ValidationError as error:
        raise InputError(f"{path} is not a throughput measurement of this harness: {first_problem(error)}") from error
    except (OSError, ValueError, ArithmeticError) as error:
        raise InputError(f"{path} is not a throughput measurement of this harness: {error}") from error
