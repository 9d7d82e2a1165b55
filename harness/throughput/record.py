"""Throughput measurements on disk: one JSON file each under ``throughput/`` in the results folder, and their reading.

A file is named after what was measured and on which kind of device: measuring again replaces it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from harness.environment import describe_environment
from harness.errors import InputError
from harness.results import write_text_atomically
from harness.throughput.augmentation import AugmentationComparison
from harness.throughput.comparison import PipelineComparison, Round
from harness.throughput.equivalence import Equivalence
from harness.throughput.scaling import Point, Scaling

FOLDER = "throughput"
SCHEMA_VERSION = 1

Measurement = PipelineComparison | AugmentationComparison | Scaling | Equivalence


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
        "schema_version": SCHEMA_VERSION,
        "kind": type(measurement).__name__,
        "measured_at": recorded.measured_at,
        "environment": recorded.environment,
        "measurement": asdict(measurement),
    }
    folder = results_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{measurement.name}-{device.type}.json"
    write_text_atomically(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return recorded


def read_recorded(results_dir: Path) -> tuple[list[Recorded], list[str]]:
    """Every measurement in a results folder, and for each file that is none a line that says which and why."""
    recorded, problems = [], []
    for path in sorted((results_dir / FOLDER).glob("*.json")):
        try:
            recorded.append(_read(path))
        except InputError as error:
            problems.append(str(error))
    return recorded, problems


def _read(path: Path) -> Recorded:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"its schema_version is {content['schema_version']!r}")
        measurement = _READERS[content["kind"]](content["measurement"])
        environment = content["environment"]
        if not isinstance(environment, dict) or not {"cpu", "gpu", "threads"} <= environment.keys():
            raise ValueError("its environment does not say which device")
        return Recorded(measurement, str(content["measured_at"]), environment)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not a throughput measurement of this harness: {error!r}") from error


def _comparison(values: dict[str, Any]) -> PipelineComparison:
    rounds = {name: tuple(Round(**one) for one in values[name]) for name in ("fast", "reference")}
    comparison = PipelineComparison(**(values | rounds | {"input_shape": tuple(values["input_shape"])}))
    _require_numbers(comparison.ratio, comparison.flops_per_second / comparison.peak_flops_per_second)
    return comparison


def _augmentation(values: dict[str, Any]) -> AugmentationComparison:
    comparison = AugmentationComparison(**(values | {name: tuple(values[name]) for name in ("batched", "per_sample")}))
    _require_numbers(comparison.ratio)
    return comparison


def _scaling(values: dict[str, Any]) -> Scaling:
    scaling = Scaling(**(values | {"points": tuple(Point(**point) for point in values["points"])}))
    _require_numbers(scaling.time_growth.exponent, scaling.memory_growth.exponent)
    return scaling


def _equivalence(values: dict[str, Any]) -> Equivalence:
    names = ("seeds", "fast_accuracy_percent", "reference_accuracy_percent")
    equivalence = Equivalence(**(values | {name: tuple(values[name]) for name in names}))
    _require_numbers(equivalence.interval.mean)
    return equivalence


def _require_numbers(*values: float) -> None:
    if not all(value == value and abs(value) < float("inf") for value in values):
        raise ValueError("its figures are no numbers")


_READERS: dict[str, Callable[[dict[str, Any]], Measurement]] = {
    PipelineComparison.__name__: _comparison,
    AugmentationComparison.__name__: _augmentation,
    Scaling.__name__: _scaling,
    Equivalence.__name__: _equivalence,
}
