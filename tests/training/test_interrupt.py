import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.training.interrupt import StopRequest


@pytest.fixture
def handlers():
    """A function that lists both signals' handlers, which are restored after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    yield lambda: [signal.getsignal(number) for number in before]
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_the_request_and_a_second_acts_as_before(number, handlers):
    before, request = handlers(), StopRequest()
    request.handle_signals()
    assert handlers() != before
    with pytest.raises(KeyboardInterrupt, match=number.name):
        signal.raise_signal(number)
    assert request.was_made
    assert handlers() == before


def test_signal_handlers_can_be_restored(handlers):
    before, request = handlers(), StopRequest()
    request.handle_signals()()
    assert handlers() == before
    assert not request.was_made


def test_ignored_signal_stays_ignored(handlers):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    StopRequest().handle_signals()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


def test_signals_are_unchanged_outside_the_main_thread(handlers):
    before = handlers()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(StopRequest().handle_signals).result()()
    assert handlers() == before
