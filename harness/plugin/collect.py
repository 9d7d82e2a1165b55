"""The experiments that a pytest command line selects, by pytest's own collection."""

import contextlib
import io
import os
from collections.abc import Sequence

import pytest

from harness.config.experiment import Experiment
from harness.config.settings import OPTIONS, Settings
from harness.errors import InputError
from harness.plugin.pytest_options import PREFIX
from harness.plugin.session import SESSION, experiments_among, session_of

_PYTEST_OPTIONS_WITH_VALUE = {"-k", "-m", "-p", "-c", "-o", "-W"} | {
    f"--{name}" for name in ("deselect", "ignore", "ignore-glob", "rootdir", "confcutdir")
}


class _Collector:
    """A pytest plugin that keeps the settings and the selected experiments."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        self.experiments: list[Experiment] = []

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
    collector, output = _Collector(), io.StringIO()
    files = [] if _names_files(arguments) else ["bench"]
    if files and not os.path.exists("bench"):
        raise InputError(
            "this folder has no bench: name a bench file, e.g. `wider-or-deeper plan my_bench.py`, or change to the\n"
            "checkout of wider-or-deeper; `wider-or-deeper new my_bench.py` writes a bench file"
        )
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = pytest.main(["-p", "harness.plugin", *files, "--collect-only", "-qq", *arguments], plugins=[collector])
    if collector.settings is None or code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise InputError(_error_in(output.getvalue()))
    return collector.settings, collector.experiments


def _error_in(output: str) -> str:
    """Return at most two lines of errors from pytest's output, without its usage."""
    lines = [line for line in output.splitlines() if "usage: " not in line]
    reported = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    errors = [line.split("rror: ", 1)[1] for line in lines if "rror: " in line]
    return "\n".join((reported or errors)[:2]) or output.strip()


def _names_files(arguments: Sequence[str]) -> bool:
    """Check for files or folders among the arguments, other than as the value of an option."""
    names = [option.name for option in OPTIONS if not option.is_flag]
    taking_value = _PYTEST_OPTIONS_WITH_VALUE | {f"--{prefix}{name}" for name in names for prefix in ("", f"{PREFIX}-")}
    return any(
        not argument.startswith("-")
        and before not in taking_value
        and (argument.endswith(".py") or os.path.exists(argument.partition("::")[0]))
        for before, argument in zip(["", *arguments], arguments, strict=False)
    )
