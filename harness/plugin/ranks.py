"""Sessions of several processes under torchrun: all train, rank 0 alone prints and writes files.

Tests are known only after collection. Until then the other ranks hold back their output, so that the output of a
test suite without experiments does not change under torchrun.
"""

import os
import sys

import pytest
from _pytest.junitxml import LogXML

from harness.plugin.session import HarnessSession
from harness.plugin.terminal import HeldBackOutput

_FILE_WRITERS = ("lfplugin", "nfplugin", "junitxml", "pastebin")  # plugins of pytest
_BENCHMARK_FILES = ("save", "autosave", "json", "compare_fail", "histogram", "cprofile_dump")


def hold_back_output(config: pytest.Config) -> HeldBackOutput | None:
    """Hold back the output of a process that torchrun started as rank 1 or higher."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("RANK", "0") in ("", "0"):
        return None
    return HeldBackOutput(reporter)


def leave_output_to_rank_zero(harness: HarnessSession) -> None:
    """Print nothing and write no file, if this process is not rank 0; call it once the tests are selected."""
    if harness.processes.is_rank_zero:
        return
    if harness.held_back is not None:
        harness.held_back.discard()
    plugins = harness.config.pluginmanager
    plugins.register(_InternalErrors(harness.processes.name))
    for name in _FILE_WRITERS:
        plugins.unregister(name=name)
    for plugin in plugins.get_plugins():
        if isinstance(plugin, LogXML):
            plugins.unregister(plugin)
    benchmarks = getattr(harness.config, "_benchmarksession", None)
    if benchmarks is not None:
        benchmarks.options["cprofile_dump"] = None
        for name in _BENCHMARK_FILES:
            setattr(benchmarks, name, None)


class _InternalErrors:
    """A pytest plugin that prints pytest's own errors on standard error: the terminal is silenced."""

    def __init__(self, process_name: str) -> None:
        self._process_name = process_name

    def pytest_internalerror(self, excrepr: object) -> None:
        print(f"{self._process_name}: {excrepr}", file=sys.stderr)
