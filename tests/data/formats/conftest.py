"""Fixtures that the tests of several formats share."""

import pytest

from tests.data.formats import torchvision_files
from tests.data.formats.cifar10_files import publish_tiny


@pytest.fixture
def published_tiny(monkeypatch):
    """The files of a tiny CIFAR-10 that passes for the published one."""
    return publish_tiny(monkeypatch.setattr)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Write a tiny dataset as published; return the data folder."""

    def publish(name):
        torchvision_files.publish_tiny(monkeypatch, name)
        torchvision_files.write_unpacked(tmp_path / "torchvision" / name, name)
        return tmp_path

    return publish
