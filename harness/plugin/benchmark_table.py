"""pytest-benchmark's table and comparison: experiments are in its table on request only.

Experiments have tables of their own: pytest-benchmark's repeats their times and does not fit 80 columns. Its JSON files
have every case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.plugin.session import SESSION

_REQUESTS = ("columns", "compare", "compare_fail", "histogram", "cprofile", "time_unit", "verbose")
"""pytest-benchmark's options that ask for its table, or for something that it shows with the table."""


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_benchmark_group_stats(config: pytest.Config) -> Any:
    """Leave the experiments out of the table, unless an option asks for it."""
    groups = yield
    harness = config.stash.get(SESSION, None)
    if harness is None or any(config.getoption(f"benchmark_{name}") for name in _REQUESTS):
        return groups
    others = [(name, [one for one in group if not _is_case(one, harness.results)]) for name, group in groups]
    return [(name, group) for name, group in others if group]


def _is_case(benchmark: Mapping[str, Any], results: Mapping[str, Any]) -> bool:
    return benchmark["extra_info"].get("case") in results
