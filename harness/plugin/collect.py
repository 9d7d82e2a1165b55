"""Which experiments a pytest command line selects: pytest's own collection, so that the plan is what will run."""

import contextlib
import io
import os
from collections.abc import Sequence

import pytest

from harness.config.experiment import Experiment
from harness.config.settings import OPTIONS, Settings
from harness.errors import InputError
from harness.plugin.hooks import EXPERIMENT, SETTINGS

_PYTEST_OPTIONS_WITH_VALUE = {"-k", "-m", "-p", "-c", "-o", "-W"} | {
    f"--{name}" for name in ("deselect", "ignore", "ignore-glob", "rootdir", "confcutdir")
}


class _Collector:
    def __init__(self) -> None:
        self.settings: Settings | None = None
        self.experiments: list[Experiment] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.settings = session.config.stash[SETTINGS]
        self.experiments = [item.stash[EXPERIMENT] for item in session.items if EXPERIMENT in item.stash]


def collect_experiments(arguments: Sequence[str]) -> tuple[Settings, list[Experiment]]:
    """The settings and experiments of ``pytest bench ARGUMENTS``; files among the arguments replace ``bench``.

    Raises:
        InputError: pytest refuses the arguments; what it said is the message.
    """
    collector = _Collector()
    said = io.StringIO()
    files = [] if _names_files(arguments) else ["bench"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(["-p", "harness.plugin", *files, "--collect-only", "-qq", *arguments], plugins=[collector])
    if collector.settings is None or code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise InputError(_what_was_wrong(said.getvalue()))
    return collector.settings, collector.experiments


def _what_was_wrong(said: str) -> str:
    """Pytest's error out of what it said: at most two lines, without its usage."""
    lines = [line for line in said.splitlines() if "usage: " not in line]
    told = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    errors = [line.split("rror: ", 1)[1] for line in lines if "rror: " in line]
    return "\n".join((told or errors)[:2]) or said.strip()


def _names_files(arguments: Sequence[str]) -> bool:
    """Whether files or folders are among the arguments, other than as the value of an option."""
    taking_value = _PYTEST_OPTIONS_WITH_VALUE | {f"--{option.name}" for option in OPTIONS if not option.is_flag}
    return any(
        not argument.startswith("-")
        and before not in taking_value
        and (argument.endswith(".py") or os.path.exists(argument.partition("::")[0]))
        for before, argument in zip(["", *arguments], arguments, strict=False)
    )
