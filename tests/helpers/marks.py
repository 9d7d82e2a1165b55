"""Parameters of slow tests."""

import pytest


def slow_first(first, *others):
    """Return parameters: the first one is tested at each change, the others, of the same kind, before a release."""
    marked = [(first, pytest.mark.slow), *((other, pytest.mark.release) for other in others if other != first)]
    return [pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=mark) for one, mark in marked]
