import importlib
import importlib.metadata
import os

import hypothesis  # noqa: F401  # pytester forgets what a session imports: its plugin would import it in each one
import pytest

from harness.errors import InputError
from tests.helpers import REPOSITORY
from tests.plugin.benches import BENCH, CONFTEST


@pytest.fixture(autouse=True)
def blank_figures(monkeypatch):
    """Reports of sessions in this process have blank figures: drawing one takes 0.3 seconds."""

    def save(self, file, *, format, **_):
        file.write("<svg></svg>" if format == "svg" else b"")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", save)


@pytest.fixture
def bench(pytester):
    """A folder with a bench file; call it with pytest's arguments to run it there."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_digits=BENCH)
    return lambda *arguments: pytester.runpytest_inprocess(*arguments)


@pytest.fixture
def studies(monkeypatch):
    """A list that gets an entry for each study that a session makes."""
    made = []

    def make(*_):
        made.append("a study")
        raise InputError("a study was made")

    monkeypatch.setattr(importlib.import_module("harness.study.study"), "Study", make)
    return made


@pytest.fixture
def beside(pytester, monkeypatch):
    """A function that runs pytest beside other plugins: those named, or all of other_plugins.txt.

    They are loaded in that process alone, from the folder in OTHER_PLUGINS, which tox fills.
    """
    folder = os.environ.get("OTHER_PLUGINS", "")
    installed = {
        point.name
        for one in importlib.metadata.distributions(path=[folder])
        for point in one.entry_points
        if point.group == "pytest11"
    }
    if not installed and not os.environ.get("NO_MISSING_EXTRAS"):
        pytest.skip("OTHER_PLUGINS names no folder with the plugins of tests/plugin/other_plugins.txt")
    assert installed, f"OTHER_PLUGINS {folder!r} has no plugins: tox installs those of tests/plugin/other_plugins.txt"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), folder]))
    monkeypatch.delenv("PYTEST_ADDOPTS")  # it would keep pytest-xdist out

    def run(*arguments, only=None):
        missing = set(only or ()) - installed
        assert not missing, f"{folder} lacks {missing}"
        unwanted = [f"-pno:{name}" for name in installed if only is not None and name not in only]
        return pytester.runpytest_subprocess(*unwanted, "-pno:cacheprovider", *arguments)

    return run
