"""The end of a session: the summary is printed once, even if another plugin fails the session there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.plugin.session import HarnessSession


def end_session(harness: HarnessSession) -> None:
    """Stop the study, then print the summary on rank 0; do nothing if called again."""
    if harness.has_ended or (harness.study is None and harness.workbench is None):
        return
    harness.has_ended = True
    if harness.study is not None:
        harness.study.close()
        trials = harness.tuning.trial_identities if harness.tuning is not None else set()
        for result in harness.study.engine.results_so_far():
            if result.case.identity not in trials:
                harness.results.setdefault(result.case.identity, result)
    reporter = harness.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and harness.processes.is_rank_zero:
        from harness.plugin.summary import summarise

        summarise(reporter, harness)


def fail_session(harness: HarnessSession, error: Exception) -> None:
    """End a session with experiments as failed, for a regression that pytest-benchmark has printed.

    pytest-benchmark raises the regression, which ends pytest with a traceback of 60 lines.

    Raises:
        Exception: ``error``, if it is anything else.
    """
    from pytest_benchmark.session import PerformanceRegression

    from harness.text import count_noun

    if not isinstance(error, PerformanceRegression) or harness.study is None:
        raise error
    plugins = harness.config.pluginmanager
    session: Any = plugins.get_plugin("session")
    benchmarks: Any = plugins.get_plugin("pytest-benchmark")
    regressions = benchmarks.performance_regressions
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
    session.shouldfail = f"performance has regressed: {count_noun(len(regressions), 'check')} failed, listed above"


def require_benchmark_options(config: pytest.Config) -> None:
    """Check that pytest-benchmark has a run to compare with, and can write its files.

    pytest-benchmark itself finds it out at the session's end, after hours of training.

    Raises:
        pytest.UsageError: ``--benchmark-compare-fail`` is alone, or a file or folder cannot be written.
    """
    if config.getoption("benchmark_compare_fail", None) and not config.getoption("benchmark_compare", None):
        raise pytest.UsageError("--benchmark-compare-fail needs --benchmark-compare: give both")
    if (path := config.getoption("benchmark_json", None)) and not _is_writable(Path(path)):
        raise pytest.UsageError(f"--benchmark-json {path} cannot be written: give a file in a folder that exists")
    if config.getoption("benchmark_save", None) or config.getoption("benchmark_autosave", None):
        folder = getattr(config._benchmarksession.storage, "path", None)  # type: ignore[attr-defined]
        if isinstance(folder, Path) and not _is_writable_folder(folder.absolute()):
            raise pytest.UsageError(
                f"--benchmark-storage {folder} cannot be written to: give a folder that can, e.g. "
                "--benchmark-storage=/tmp/benchmarks"
            )


def _is_writable(file: Path) -> bool:
    return os.access(file, os.W_OK) if file.is_file() else not file.exists() and os.access(file.parent, os.W_OK)


def _is_writable_folder(folder: Path) -> bool:
    """Return whether files can be written to the folder, which may have to be made first."""
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
