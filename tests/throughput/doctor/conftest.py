"""Fixtures of the doctor's tests."""

import pytest

from tests.throughput.doctor.subjects import tiny_subject


@pytest.fixture
def subject():
    return tiny_subject()


@pytest.fixture(autouse=True)
def own_state(no_known_gain):
    """No gain of compiling that was measured before."""
