"""Fixtures of the doctor's tests."""

import pytest

from harness.training.compile_gain import known_gain
from tests.throughput.doctor.subjects import tiny_subject


@pytest.fixture
def subject():
    return tiny_subject()


@pytest.fixture(autouse=True)
def own_state(monkeypatch, tmp_path):
    """A state folder of the test, and no gain read before."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    known_gain.cache_clear()
    yield
    known_gain.cache_clear()
