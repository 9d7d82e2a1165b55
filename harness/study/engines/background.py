"""An asyncio event loop in a thread of its own, and how the main thread waits for what runs in it."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_POLL_SECONDS = 0.2
_STOP_SECONDS = 10

Value = TypeVar("Value")


class BackgroundLoop:
    """An asyncio event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def start(self, coroutine: Coroutine[Any, Any, Value]) -> "concurrent.futures.Future[Value]":
        """Start a coroutine in the loop; return the future of its value."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Cancel what still runs, wait until it has stopped, then end the thread."""
        stopped = self.start(_cancel_other_tasks())
        with contextlib.suppress(TimeoutError):
            stopped.result(timeout=_STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def wait_for(future: "concurrent.futures.Future[Value]", on_poll: Callable[[], None] = lambda: None) -> Value:
    """Wait for a future and return its value; call ``on_poll`` several times a second meanwhile.

    The main thread wakes up for it, so it also notices Ctrl-C.
    """
    while not future.done():
        concurrent.futures.wait([future], timeout=_POLL_SECONDS)
        on_poll()
    return future.result()


async def complete_in_thread(work: Callable[..., Value], *arguments: Any) -> Value:
    """Run blocking work in a thread and return its value; a cancelled caller still waits for its end."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


async def _cancel_other_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
