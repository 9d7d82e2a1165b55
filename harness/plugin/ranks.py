"""Sessions of several processes under torchrun: all train, rank 0 alone prints and writes files.

Tests are known only after collection. Until then the other ranks hold back their output, so that a test suite without
experiments prints as ever under torchrun.
"""

import io
import os
import sys
from typing import Any

import pytest
from _pytest.junitxml import LogXML

from harness.plugin.session import HarnessSession

_FILE_WRITERS = ("lfplugin", "nfplugin", "junitxml", "pastebin")  # plugins of pytest
_BENCHMARK_FILES = ("save", "autosave", "json", "compare_fail", "histogram", "cprofile_dump")


class HeldBackOutput:
    """A terminal reporter's output, held back until it is released or discarded.

    Attributes:
        is_discarded: true once the output is known to be unwanted.
    """

    def __init__(self, reporter: Any) -> None:
        self._reporter, self._writer, self._text = reporter, reporter._tw, io.StringIO()
        reporter._tw = type(reporter._tw)(self._text)
        self.is_discarded = False

    def release(self) -> None:
        """Print the held-back output and all later output; do nothing once it is released or discarded."""
        if self._reporter._tw is not self._writer and not self.is_discarded:
            self._reporter._tw = self._writer
            self._writer.write(self._text.getvalue(), flush=True)

    def discard(self) -> None:
        """Drop the held-back output and all later output."""
        self.is_discarded = True
        self._reporter._tw = type(self._writer)(open(os.devnull, "w"))  # noqa: SIM115 - closed with the process


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
        sys.stderr.write(f"{self._process_name}: {excrepr}\n")
