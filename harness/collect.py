"""Which experiments a pytest command line selects: pytest's own collection, so that the plan is what will run."""

import contextlib
import io
from collections.abc import Sequence

import pytest

from harness.errors import InputError
from harness.experiment import Experiment
from harness.plugin import EXPERIMENT, SETTINGS
from harness.settings import Settings


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
    files = [] if any("::" in argument or argument.endswith(".py") for argument in arguments) else ["bench"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main([*files, "--collect-only", "-qq", *arguments], plugins=[collector])
    if collector.settings is None or code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        lines = [
            line.removeprefix("ERROR: ") for line in said.getvalue().splitlines() if "rror:" in line or "ERROR" in line
        ]
        raise InputError("\n".join(lines[:2]) or said.getvalue().strip())
    return collector.settings, collector.experiments
