"""Handling of Ctrl-C and SIGTERM that never loses a request to stop. Needs no torch or pytest."""

import signal
import threading
from collections.abc import Callable
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPING_SIGNALS = tuple(one.name for one in _SIGNALS)
"""The texts of the KeyboardInterrupts that a StopRequest raises."""


class StopRequest:
    """A request to stop, made by the user (Ctrl-C) or by the system (SIGTERM).

    Either signal raises KeyboardInterrupt, but Python drops an exception where it cannot raise one, as in a destructor
    or at a fork. So the request is also stored, for code that does long work to check regularly.

    Attributes:
        was_made: true after the first signal.
    """

    def __init__(self, only_first: bool = False) -> None:
        """Start without a request.

        Args:
            only_first: ignore every signal after the first: torchrun forwards a Ctrl-C that the terminal sent to all.
        """
        self.was_made = False
        self._is_once = only_first

    def handle_signals(self) -> Callable[[], None]:
        """Take the first of either signal as the request; return a function that restores the former handlers.

        A second signal has its former effect. An ignored signal stays ignored. Outside the main thread, where Python
        cannot handle signals, nothing changes.
        """
        before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in _SIGNALS}
            before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def stop(number: int, _: Any) -> None:
            restore()
            if self._is_once:
                for ignored in before:
                    signal.signal(ignored, signal.SIG_IGN)
            self.was_made = True
            raise KeyboardInterrupt(signal.Signals(number).name)

        for number in before:
            signal.signal(number, stop)
        return restore
