"""The parameters, metrics and measures that every tracker logs, under their names in ``result.json``."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.config.case import Case, by_dotted_name
from harness.credentials import message_without_credentials
from harness.results.result import MEASURES, EpochRecord, Result
from harness.tracking.tracker import Value

_MEASURES = (*MEASURES, "mean_epoch_seconds", "wall_seconds", "compile_seconds")
_ENVIRONMENT = ("cpu", "gpu", "threads", "precision", "python", "platform", "commit", "co_scheduled")


def parameters(case: Case) -> dict[str, Value]:
    """Return the case's fields by name, those of its recipe as ``recipe.epochs``, and its identity."""
    return {**_flat(asdict(case)), "identity": case.identity}


def result_parameters(result: Result) -> dict[str, Value]:
    """Return the size of the network and the version of the code that trained it."""
    code = {"training_code": result.environment.get("training_code")}
    return _flat({"params": result.params, "macs": result.macs, **code})


def epoch_metrics(record: EpochRecord) -> dict[str, float]:
    """Return the epoch's losses, accuracies, learning rate and seconds by name; a loss may be NaN.

    `is_disturbed` is 1 if other work or a stop lengthened the epoch's time, else 0; absent in earlier records.
    """
    metrics = {name: float(value) for name, value in asdict(record).items() if name not in ("epoch", "disturbance")}
    return metrics if record.disturbance is None else metrics | {"is_disturbed": float(record.is_disturbed)}


def final_measures(result: Result) -> dict[str, float]:
    """Return the measures that the result has, by name."""
    found = {name: getattr(result, name) for name in _MEASURES}
    return {name: float(value) for name, value in found.items() if value is not None}


def outcome(result: Result) -> dict[str, str]:
    """Return status, cause, times, hardware and software by name, as text."""
    environment = {name: result.environment.get(name) for name in _ENVIRONMENT}
    found = {
        "status": result.status,
        "cause": message_without_credentials(result.cause or "") or None,
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "interrupted_after": ", ".join(map(str, result.interrupted_after)) or None,
        "command": result.attempts[-1].command,
        "environment": environment | {"versions": result.environment.get("versions") or {}},
    }
    return {name: str(value) for name, value in _flat(found).items()}


def _flat(content: Mapping[str, Any]) -> dict[str, Value]:
    """Return nested values under dotted names, without those that are None; lists as text."""
    return {
        name: value if isinstance(value, Value) else ", ".join(map(str, value))
        for name, value in by_dotted_name(content).items()
        if value is not None
    }
