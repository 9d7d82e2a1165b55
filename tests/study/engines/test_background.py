import asyncio
import threading
import time

import pytest

from harness.study.engines.background import BackgroundLoop, complete_in_thread, wait_for


@pytest.fixture
def loop():
    loop = BackgroundLoop("test")
    yield loop
    if loop._thread.is_alive():
        loop.close()


async def value():
    return 7


async def failing():
    raise ValueError("boom")


def test_a_coroutine_runs_in_its_own_thread_and_its_value_is_waited_for(loop):
    async def thread_name():
        return threading.current_thread().name

    assert wait_for(loop.start(thread_name())) == "test"
    assert wait_for(loop.start(value())) == 7


def test_an_error_of_a_coroutine_is_raised_where_it_is_waited_for(loop):
    with pytest.raises(ValueError, match="boom"):
        wait_for(loop.start(failing()))


def test_polling_may_end_the_wait(loop):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_for(loop.start(asyncio.sleep(60)), interrupt)


def test_close_cancels_what_still_runs(loop):
    future = loop.start(asyncio.sleep(60))
    loop.close()
    assert future.cancelled()
    assert not loop._thread.is_alive()


def test_work_in_a_thread_is_completed_though_its_caller_is_cancelled(loop):
    has_begun, events = threading.Event(), []

    def work(word):
        has_begun.set()
        time.sleep(0.2)
        events.append(word)

    async def caller():
        try:
            await complete_in_thread(work, "worked")
        finally:
            events.append("left")

    loop.start(caller())
    has_begun.wait()
    loop.close()
    assert events == ["worked", "left"]


def test_work_in_a_thread_returns_its_value(loop):
    assert wait_for(loop.start(complete_in_thread(max, 1, 2))) == 2
