"""Fixtures for every test of the datasets."""

import pytest

from harness.data import registry
from tests.data.builders import write_class_folders
from tests.data.caching import count_decodings


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """An environment without a proxy: the tests use a server on this machine."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(autouse=True)
def _nothing_cached():
    """An empty cache of datasets."""
    registry.forget_loaded()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder of images of the user's own, and a user cache that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    return write_class_folders(tmp_path / "mine", train=3, test=2)


@pytest.fixture
def decoded(monkeypatch):
    """The decodings from now on."""
    return count_decodings(monkeypatch)
