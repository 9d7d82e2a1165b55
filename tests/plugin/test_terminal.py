import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from harness.lost_output import TolerantOutput
from harness.plugin.terminal import OutputGuard, Terminal


@pytest.fixture
def full():
    """A log on a full disk."""
    with open("/dev/full", "w") as stream:
        yield stream
        TolerantOutput(stream).flush()


def reporter_of(stream):
    return SimpleNamespace(_tw=SimpleNamespace(_file=stream))


def test_guarded_output_is_lost_without_an_error(full, monkeypatch):
    monkeypatch.setattr(sys, "stdout", full)
    guard = OutputGuard(reporter_of(full))
    print("lost", flush=True)
    Terminal(reporter_of(full), SimpleNamespace(global_and_fixture_disabled=nullcontext)).redraw("\repoch 1")
    guard.remove()
    with pytest.raises(OSError, match="No space"):
        print("lost", flush=True)


def test_session_without_experiments_fails_as_without_the_plugin(full, monkeypatch):
    monkeypatch.setattr(sys, "stdout", full)
    guard = OutputGuard(None)
    print("lost", flush=True)
    with pytest.raises(OSError, match="No space"):
        guard.release()


def test_session_without_lost_output_is_left_alone(tmp_path, monkeypatch):
    with open(tmp_path / "log", "w") as log:
        monkeypatch.setattr(sys, "stdout", log)
        guard = OutputGuard(reporter_of(log))
        print("kept")
        guard.release()
        print("kept too")
    assert (tmp_path / "log").read_text() == "kept\nkept too\n"
