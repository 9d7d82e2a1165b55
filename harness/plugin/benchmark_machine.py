"""The machine in pytest-benchmark's files, and the comparison of a saved run's machine with this one.

pytest-benchmark compares before the tests are collected. GPU and torch are not known then, so they are compared once
the study is prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.plugin.session import SESSION, HarnessSession

MACHINE_INFO_KEY = "wider_or_deeper"
_NOT_OF_THE_MACHINE = ("node", "commit", "commit_problem", "code", "training_code", "co_scheduled")
"""Entries of an environment that change without the machine, or that pytest-benchmark has already."""


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Add the GPU and torch to the machine info, which has neither."""
    harness = config.stash.get(SESSION, None)
    if harness is not None and harness.study is not None:
        machine_info[MACHINE_INFO_KEY] = _this_machine(harness)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_benchmark_compare_machine_info(
    config: pytest.Config, machine_info: dict[str, Any], compared_benchmark: dict[str, Any]
) -> None:
    """Leave out of the comparison what changes on one machine, and keep the saved GPU and torch for later."""
    harness = config.stash.get(SESSION, None)
    saved = compared_benchmark["machine_info"].pop(MACHINE_INFO_KEY, None)
    if harness is not None and saved is not None:
        harness.compared_machines[compared_benchmark["datetime"][:16].replace("T", " ")] = saved
    for info in (machine_info, compared_benchmark["machine_info"]):
        cpu = info.get("cpu", {})
        for name in [name for name in cpu if name.startswith("hz_")]:  # the clock rate of this moment
            del cpu[name]


def machine_notes(harness: HarnessSession) -> list[str]:
    """Return a line for each compared run of another machine, GPU, number of threads or torch."""
    this = _this_machine(harness) if harness.compared_machines else {}
    return [
        f"--benchmark-compare: the run saved at {saved_at} has other conditions: {', '.join(changes)}"
        for saved_at, saved in harness.compared_machines.items()
        if (changes := machine_changes(saved, this))
    ]


def machine_changes(saved: Mapping[str, Any], this: Mapping[str, Any]) -> list[str]:
    """Return the differences between two machines that change times, as ``2 threads → 1 thread``."""
    if "engine" in saved or "engine" in this:
        places = [str(one.get("cluster", "this machine alone")) for one in (saved, this)]
        return [" → ".join(places)] if len(set(places)) > 1 else []
    from harness.results.timing import timing_changes

    precisions = [str(one.get("precision")) for one in (saved, this)]
    return timing_changes(saved, this) + ([" → ".join(precisions)] if len(set(precisions)) > 1 else [])


def _this_machine(harness: HarnessSession) -> dict[str, Any]:
    """Return the engine's environment without what is not of the machine."""
    assert harness.study is not None
    environment = harness.study.engine.environment()
    return {name: value for name, value in environment.items() if name not in _NOT_OF_THE_MACHINE}
