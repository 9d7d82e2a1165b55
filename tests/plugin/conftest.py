import pytest

from tests.plugin.benches import BENCH, CONFTEST


@pytest.fixture
def bench(pytester):
    """A folder with a bench file; call it with pytest's arguments to run it there."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_digits=BENCH)
    return lambda *arguments: pytester.runpytest_inprocess(*arguments)
