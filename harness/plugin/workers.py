"""pytest-xdist: its workers train nothing, and a worker's usage error ends the controller's session.

Only a worker collects tests, and only the controller reports. Cases trained in workers would compete for the machine,
which falsifies their times, and would have no table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from harness.plugin.mark import is_measurement
from harness.plugin.selection import is_listing
from harness.plugin.session import HarnessSession, experiments_among

_KEY = "wider_or_deeper_usage_error"
_AT_A_TIME = "--cases-per-device N or --engine ray trains several cases at a time"
_NO_XDIST = (
    "experiments and measurements do not run under pytest-xdist: leave out -n, or give `-n 0` where addopts has it; "
    f"{_AT_A_TIME}"
)
_NO_FORK = f"experiments and measurements do not run under pytest-forked: leave out --forked; {_AT_A_TIME}"


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def require_one_process(harness: HarnessSession, items: list[pytest.Item]) -> None:
    """Check that no case or measurement would run in a process of pytest-xdist or pytest-forked.

    Raises:
        pytest.UsageError: one would run.
    """
    config = harness.config
    if is_worker(config) and harness.usage_error is not None:
        raise harness.usage_error
    is_training = experiments_among(items) and not config.getoption("benchmark_skip", False)
    if is_listing(config) or not (is_training or any(map(is_measurement, items))):
        return
    if is_worker(config):
        raise pytest.UsageError(_NO_XDIST)
    if config.getoption("forked", False):
        raise pytest.UsageError(_NO_FORK)


@contextlib.contextmanager
def usage_errors_reach_controller(session: pytest.Session) -> Iterator[None]:
    """Send a usage error in the body to the controller, if this is a worker; then the worker has no tests."""
    try:
        yield
    except pytest.UsageError as error:
        if not is_worker(session.config):
            raise
        output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]
        output[_KEY] = str(error)
        session.items.clear()


def raise_workers_error(node: object) -> None:
    """Raise the usage error of a worker that has ended, if it had one.

    Raises:
        pytest.UsageError: with the worker's message.
    """
    if message := getattr(node, "workeroutput", {}).get(_KEY):
        raise pytest.UsageError(message)
