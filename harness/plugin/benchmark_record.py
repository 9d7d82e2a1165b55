"""A result in pytest-benchmark's record: its epochs as rounds, and its measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.measures import measures
from harness.plugin.session import ITEM, session_of

if TYPE_CHECKING:
    from harness.results.result import Result


def replay(result: Result, item: pytest.Item, benchmark: Any) -> None:
    """Give pytest-benchmark the recorded epochs as rounds, and the measures."""
    if not result.epoch_seconds:
        leave_unused(benchmark)
        return
    is_reused = session_of(item.config).is_reused(result)
    if is_reused:
        _compare_with_nothing(item)
    _forget_earlier_run(item, benchmark)
    clock = item.stash[ITEM].clock
    clock.load(result.epoch_seconds)
    benchmark.extra_info.update(_extra_info(result, is_reused=is_reused))
    benchmark.pedantic(clock.play_epoch, setup=clock.rewind, rounds=len(result.epoch_seconds))
    benchmark.has_error = not result.is_complete  # pytest-benchmark saves a benchmark without error as a good one


def leave_unused(benchmark: Any) -> None:
    """Keep pytest-benchmark from recording a round without an epoch, and from warning of disuse."""
    benchmark.disabled = True
    benchmark.pedantic(lambda: None)


def _forget_earlier_run(item: pytest.Item, benchmark: Any) -> None:
    """Remove the rounds of an earlier run of the test, e.g. of one that pytest-rerunfailures repeats."""
    recorded: list[Any] = item.config._benchmarksession.benchmarks  # type: ignore[attr-defined]
    recorded[:] = [one for one in recorded if one.fullname != benchmark.fullname]


def comparison_notes(config: pytest.Config) -> list[str]:
    """Return a line on the reused results that ``--benchmark-compare`` leaves out, if there are any."""
    from harness.text import count_noun

    left_out = session_of(config).reused_not_compared
    if not left_out:
        return []
    return [
        f"--benchmark-compare left out {count_noun(left_out, 'reused result')}: their epochs are a recording, "
        "not measured now; --rerun measures them"
    ]


def _compare_with_nothing(item: pytest.Item) -> None:
    """Leave the test out of the comparison with saved runs: a recording would be compared with itself."""
    benchmarks: Any = item.config.pluginmanager.get_plugin("pytest-benchmark")
    was_compared = [run.pop(item.nodeid, None) is not None for run in (benchmarks.compared_mapping or {}).values()]
    session_of(item.config).reused_not_compared += any(was_compared)


def _extra_info(result: Result, *, is_reused: bool) -> dict[str, Any]:
    """Return the measures as plain values, for pytest-benchmark's JSON."""
    return measures(result, is_reused=is_reused) | {
        "case": result.case.identity,
        "interrupted_after": list(result.interrupted_after),
        "disturbed_epochs": None if result.disturbed_epochs is None else list(result.disturbed_epochs),
        "changes_between_attempts": list(result.changes_between_attempts),
    }
