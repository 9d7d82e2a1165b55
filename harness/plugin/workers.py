"""pytest-xdist: its workers train nothing, and a usage error in a worker ends the controller's session.

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
_REFUSAL = (
    "experiments and measurements do not run in pytest-xdist's workers: leave out -n, or give `-n 0` if addopts has "
    "it;\n--engine ray trains several cases at a time"
)


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def require_one_process(harness: HarnessSession, items: list[pytest.Item]) -> None:
    """Check in a worker that no case and no measurement would run.

    Raises:
        pytest.UsageError: one would run.
    """
    config = harness.config
    if not is_worker(config):
        return
    if harness.usage_error is not None:
        raise harness.usage_error
    is_training = experiments_among(items) and not config.option.benchmark_skip
    if (is_training or any(map(is_measurement, items))) and not is_listing(config):
        raise pytest.UsageError(_REFUSAL)


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
