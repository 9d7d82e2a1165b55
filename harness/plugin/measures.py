"""A result's measures as properties of its test, which JUnit and other reporters of pytest write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.text import printable

if TYPE_CHECKING:
    from harness.results.result import Result

# train_seconds is none of MEASURES, since trackers have a metric of that name per epoch.
_OF_THE_RUN = ("status", "mode", "dataset", "model", "seed", "epochs", "train_seconds", "stand_in", "finished_at")
_REUSED = ("reused", "true")


def measures(result: Result, *, is_reused: bool) -> dict[str, object]:
    """Return a result's measures as plain values, by the names that they have in its ``result.json``."""
    from harness.results.result import MEASURES

    return {name: getattr(result, name) for name in (*_OF_THE_RUN, *MEASURES)} | {"reused": is_reused}


def record_properties(item: pytest.Item, result: Result, *, is_reused: bool) -> None:
    """Add the measures to the test's properties, as texts; one without a value is left out."""
    environment = result.environment
    further = {
        "epoch_seconds": result.mean_epoch_seconds,
        "disturbed_epochs": None if result.disturbed_epochs is None else len(result.disturbed_epochs),
        "undisturbed_median_seconds": result.undisturbed_median_seconds,
        "device": environment.get("gpu") or environment.get("cpu"),
        "precision": result.case.precision,
        "train_fraction": result.case.train_fraction,
        "pipeline": result.case.pipeline,
        "training_code": environment.get("training_code"),
        "case": result.case.identity,
        "cause": result.cause,
    }
    properties = measures(result, is_reused=is_reused) | further
    # Another plugin may run the test several times.
    item.user_properties[:] = [one for one in item.user_properties if one[0] not in properties]
    for name, value in properties.items():
        if value is not None:
            item.user_properties.append((name, _text(value)))


def reused_status(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
    """Return the outcome, letter and word of a passed test whose result was reused; None for any other."""
    properties = map(tuple, getattr(report, "user_properties", ()))  # lists if pytest-xdist has sent them
    if getattr(report, "when", None) != "call" or not report.passed or _REUSED not in properties:
        return None
    return "passed", ".", "PASSED (reused)"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else printable(str(value))
