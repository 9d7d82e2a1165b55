"""Throughput measurements on disk: one JSON file each under ``throughput/`` in the results folder, and their reading.

A file is named after what was measured and on which kind of device: measuring again replaces it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from harness.errors import InputError
from harness.files import read_each, sealed, unsealed, write_text_atomically
from harness.results.reading import first_problem
from harness.throughput.augmentation import AugmentationComparison
from harness.throughput.comparison import PipelineComparison
from harness.throughput.equivalence import Equivalence
from harness.throughput.scaling import Scaling
from harness.training.environment import describe_environment

FOLDER = "throughput"
_SCHEMA_VERSION = 2

Measurement = PipelineComparison | AugmentationComparison | Scaling | Equivalence
_MEASUREMENTS: dict[str, TypeAdapter[Measurement]] = {
    kind.__name__: TypeAdapter(kind) for kind in (PipelineComparison, AugmentationComparison, Scaling, Equivalence)
}


class _Environment(BaseModel):
    """What `describe_environment` gives, as far as tables need it."""

    model_config = ConfigDict(strict=True, extra="allow")
    cpu: str
    gpu: str | None
    threads: int
    versions: dict[str, str | None]


class _File(BaseModel):
    """What a measurement's file holds."""

    model_config = ConfigDict(strict=True, extra="forbid")
    schema_version: int
    kind: str
    measured_at: str
    environment: _Environment
    measurement: dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """A measurement with when (UTC, ISO 8601) and on what it was taken."""

    measurement: Measurement
    measured_at: str
    environment: Mapping[str, Any]


def record(results_dir: Path, measurement: Measurement, device: torch.device, precision: str) -> Recorded:
    """Keep a measurement, in the place of an earlier one of the same name on the same kind of device."""
    recorded = Recorded(
        measurement, datetime.now(UTC).isoformat(timespec="seconds"), describe_environment(device, precision)
    )
    content = {
        "schema_version": _SCHEMA_VERSION,
        "kind": type(measurement).__name__,
        "measured_at": recorded.measured_at,
        "environment": recorded.environment,
        "measurement": asdict(measurement),
    }
    folder = results_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{measurement.name}-{device.type}.json"
    write_text_atomically(path, sealed(content))
    return recorded


def read_recorded(results_dir: Path) -> tuple[list[Recorded], list[str]]:
    """Every measurement in a results folder, and for each file that is none a line that says which and why."""
    return read_each((results_dir / FOLDER).glob("*.json"), _read)


def _read(path: Path) -> Recorded:
    try:
        file = _File.model_validate(unsealed(path.read_bytes(), _SCHEMA_VERSION))
        measurement = _MEASUREMENTS[file.kind].validate_json(json.dumps(file.measurement, allow_nan=False), strict=True)
        datetime.fromisoformat(file.measured_at)
        return Recorded(measurement, file.measured_at, file.environment.model_dump())
    except KeyError as error:
        raise InputError(f"{path} is not a throughput measurement of this harness: its kind is {error}") from error
    except ValidationError as error:
        raise InputError(f"{path} is not a throughput measurement of this harness: {first_problem(error)}") from error
    except (OSError, ValueError, ArithmeticError) as error:
        raise InputError(f"{path} is not a throughput measurement of this harness: {error}") from error
