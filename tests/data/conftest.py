"""What holds for every test of the datasets."""

import pytest

from harness.data import registry


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """Tests talk to a server on this machine, whatever proxy the environment names."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(autouse=True)
def _nothing_cached():
    """No dataset in memory from another test."""
    registry.load.cache_clear()
    registry.load_slice.cache_clear()
