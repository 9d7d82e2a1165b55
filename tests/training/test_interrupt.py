import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.training.interrupt import StopRequest


@pytest.fixture
def handlers():
    """What the signals do while a test changes it; put back in the end."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    yield lambda: [signal.getsignal(number) for number in before]
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_the_request_and_a_second_does_what_it_did_before(number, handlers):
    before, request = handlers(), StopRequest()
    request.heed()
    assert handlers() != before
    with pytest.raises(KeyboardInterrupt, match=number.name):
        signal.raise_signal(number)
    assert request.was_made
    assert handlers() == before


def test_what_the_signals_did_can_be_put_back(handlers):
    before, request = handlers(), StopRequest()
    request.heed()()
    assert handlers() == before
    assert not request.was_made


def test_a_signal_that_is_ignored_stays_ignored(handlers):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    StopRequest().heed()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


def test_outside_the_main_thread_signals_are_left_alone(handlers):
    before = handlers()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(StopRequest().heed).result()()
    assert handlers() == before
