"""Fixtures of the throughput room's tests."""

import pytest

from tests.helpers.disturbances import QUIET, use_meter


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """Measurements that read as undisturbed, however busy this machine is."""
    use_meter(monkeypatch, QUIET)
    monkeypatch.setattr("harness.throughput.peak._PEAKS", {})
