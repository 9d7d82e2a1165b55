"""Fixtures that the tests of several formats share."""

import pytest

from tests.data.formats.cifar10_files import publish_tiny


@pytest.fixture
def published_tiny(monkeypatch):
    """The files of a tiny CIFAR-10 that passes for the published one."""
    return publish_tiny(monkeypatch.setattr)
