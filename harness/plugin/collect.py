"""The experiments that a pytest command line selects, by pytest's own collection."""

import contextlib
import io
import os
from collections.abc import Sequence

import pytest

from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import InputError
from harness.plugin.session import SESSION, experiments_among, session_of

_BENCH = "bench"


class _Collector:
    """A pytest plugin that keeps the settings and the selected experiments.

    Attributes:
        default: the files to collect if the arguments, ``addopts`` included, name none.
        files: those that the arguments name, the default included.
        is_stopped: true if the files are none, or others beside the default.
    """

    def __init__(self, default: list[str]) -> None:
        self.default = default
        self.files: list[str] = []
        self.is_stopped = False
        self.settings: Settings | None = None
        self.experiments: list[Experiment] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> pytest.ExitCode | None:
        """Stop before the collection if there are no files, or others beside the default.

        The report and the log of an earlier run are not overwritten.
        """
        config.option.xmlpath, config.option.log_file = None, os.devnull
        self.files = list(config.args) if config.args_source is pytest.Config.ArgsSource.ARGS else []
        self.is_stopped = not self.files or self.default not in ([], self.files)
        return pytest.ExitCode.OK if self.is_stopped else None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if SESSION not in session.config.stash:
            raise pytest.UsageError("experiments need the plugin: leave out `-p no:harness.plugin`")
        self.settings = session_of(session.config).settings
        self.experiments = [item.experiment for item in experiments_among(session.items)]


def collect_experiments(arguments: Sequence[str]) -> tuple[Settings, list[Experiment]]:
    """Return settings and experiments of ``pytest bench ARGUMENTS``.

    Files in the arguments replace ``bench``.

    Raises:
        InputError: pytest refuses the arguments; the message is pytest's. Or there is no ``bench`` in this folder.
    """
    collector = _collect([_BENCH] if os.path.exists(_BENCH) else [], arguments)
    if collector.is_stopped and collector.default:
        collector = _collect([], arguments)
    if collector.is_stopped:
        raise InputError(
            "this folder has no bench: name a bench file, e.g. `wider-or-deeper plan my_bench.py`\n"
            "`wider-or-deeper new my_bench.py` writes a bench file; or change to the checkout of wider-or-deeper"
        )
    assert collector.settings is not None, "every other collection without them is an error"
    return collector.settings, collector.experiments


def _collect(default: list[str], arguments: Sequence[str]) -> _Collector:
    """Run pytest's collection with the default files; it stops at once if the arguments name others."""
    collector, output = _Collector(default), io.StringIO()
    pytest_arguments = ["-p", "harness.plugin", *default, "--collect-only", "-qq", *arguments]
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            code = pytest.main(pytest_arguments, plugins=[collector])
        except pytest.fail.Exception as error:  # so pytest reports some faults of an ini file
            raise InputError(str(error)) from error
    has_failed = code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if has_failed or (collector.settings is None and not collector.is_stopped):
        raise InputError(_error_in(output.getvalue()))
    return collector


def _error_in(output: str) -> str:
    """Return at most two lines of errors from pytest's output, without its usage."""
    lines = [line for line in output.splitlines() if "usage: " not in line]
    reported = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    errors = [line.split("rror: ", 1)[1] for line in lines if "rror: " in line]
    return "\n".join((reported or errors)[:2]) or output.strip()
