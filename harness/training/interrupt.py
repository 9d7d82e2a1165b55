"""Ctrl-C and SIGTERM: the request to stop, and that it is not lost. Needs neither torch nor pytest."""

import signal
import threading
from collections.abc import Callable
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether a person or the system has asked to stop.

    Either signal raises KeyboardInterrupt, but Python drops an exception where it cannot raise one, in a destructor or
    at a fork. So the request is remembered, for whoever has work to do to look at now and then.
    """

    def __init__(self, is_once: bool = False) -> None:
        """
        Args:
            is_once: ignore every signal after the first. torchrun passes on a Ctrl-C that the terminal has sent to all.
        """
        self.was_made = False
        self._is_once = is_once

    def heed(self) -> Callable[[], None]:
        """Have the first of either signal be the request: a function that puts back what they did before.

        A second signal does what it would have done otherwise. A signal that is ignored stays ignored, and outside the
        main thread, where Python does not let signals be handled, nothing is changed.
        """
        before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in _SIGNALS}
            before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}

        def put_back() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def stop(number: int, _: Any) -> None:
            put_back()
            if self._is_once:
                for ignored in before:
                    signal.signal(ignored, signal.SIG_IGN)
            self.was_made = True
            raise KeyboardInterrupt(signal.Signals(number).name)

        for number in before:
            signal.signal(number, stop)
        return put_back
