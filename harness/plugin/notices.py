"""Lines about the preparation of a session; progress is redrawn, or appears now and then in a log."""

import time
from collections.abc import Callable

from harness.credentials import message_without_credentials
from harness.text import ProgressLine, one_line, printable

_LINE_SECONDS = 30.0


class Notices:
    """A callback for lines about the preparation.

    Args:
        write_line: writes a line of its own.
        redraw: writes text over the current line; None if each line stays (a log).
        width: the terminal's columns.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        write_line: Callable[[str], None],
        redraw: Callable[[str], None] | None,
        width: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write_line, self._redraw, self._width, self._now = write_line, redraw, width, now
        self._drawn, self._logged = "", now()

    def __call__(self, line: str) -> None:
        """Report a line."""
        if not isinstance(line, ProgressLine):
            self._draw("")
            self._write_line(message_without_credentials(printable(line)))
        elif self._redraw is not None:
            self._draw(one_line(line, self._width - 1))  # a full line would begin another
        elif line and self._now() - self._logged >= _LINE_SECONDS:
            self._logged = self._now()
            self._write_line(printable(line))

    def _draw(self, line: str) -> None:
        if self._redraw is not None and self._drawn != line:
            blank = " " * (len(self._drawn) - len(line))
            self._redraw(f"\r{line}{blank}" if line else f"\r{blank}\r")
            self._drawn = line
