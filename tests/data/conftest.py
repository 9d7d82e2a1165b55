"""Fixtures for every test of the datasets."""

import pytest

from harness.data import registry


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """An environment without a proxy: the tests use a server on this machine."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(autouse=True)
def _nothing_cached():
    """An empty cache of datasets."""
    registry.forget_loaded()
