"""pytest's terminal as the plugin writes to it."""

import io
import os
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import pytest

from harness.lost_output import TolerantOutput


@dataclass(frozen=True)
class Terminal:
    """pytest's terminal; it shows text at once, even while pytest captures output."""

    reporter: Any
    _capture: Any

    @classmethod
    def of(cls, config: pytest.Config) -> "Terminal | None":
        """Return the session's terminal; None if its reporter or its capture manager is switched off."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        capture = config.pluginmanager.get_plugin("capturemanager")
        return cls(reporter, capture) if reporter is not None and capture is not None else None

    @property
    def stream(self) -> object:
        """The stream that the reporter writes to."""
        return self.reporter._tw._file

    @property
    def width(self) -> int:
        """The number of columns."""
        with self._capture.global_and_fixture_disabled():  # a captured stdout has no width
            return int(self.reporter._tw.fullwidth)

    @property
    def line(self) -> str:
        """The text of the line that the cursor is in."""
        return getattr(self.reporter._tw, "_current_line", "")

    def write(self, text: str) -> None:
        """Write text."""
        with self._capture.global_and_fixture_disabled():
            self.reporter.write(text, flush=True)

    def redraw(self, text: str) -> None:
        """Write text that replaces the current line.

        It goes past the reporter, which would count it into its own line.
        """
        with self._capture.global_and_fixture_disabled():
            self.reporter._tw._file.write(text)
            self.reporter._tw._file.flush()


def report_second_interrupt() -> None:
    """Report a later KeyboardInterrupt that ends the process in one line, without a traceback."""
    before = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("\nstopped by a second interrupt; rerun the command to resume", file=sys.stderr)
        else:
            before(kind, error, traceback)

    sys.excepthook = report


class OutputGuard:
    """The tolerance of a session's output: cases are trained to their end after its terminal has closed."""

    def __init__(self, reporter: Any) -> None:
        """Ignore errors of standard output and error, and of the terminal reporter's stream, if any."""
        streams = [sys.stdout, sys.stderr, *([] if reporter is None else [reporter._tw._file])]
        self._outputs = [TolerantOutput(one) for one in dict.fromkeys(streams) if one is not None]
        self._installed = [*self._outputs]
        for output in self._installed:
            output.install()

    def release(self) -> None:
        """Raise errors of output again, and the first error that it would have been.

        Raises:
            OSError: a terminal or pipe has closed, or a disk is full.
        """
        self.remove()
        errors = [output.error for output in self._outputs if output.error is not None]
        if errors:
            raise errors[0]

    def remove(self) -> None:
        """Raise errors of output again; do nothing if called again."""
        while self._installed:
            self._installed.pop().remove()


class HeldBackOutput:
    """A terminal reporter's output, held back until it is released or discarded.

    Attributes:
        is_discarded: true once the output is known to be unwanted.
    """

    def __init__(self, reporter: Any) -> None:
        self._reporter, self._writer, self._text = reporter, reporter._tw, io.StringIO()
        reporter._tw = type(reporter._tw)(self._text)
        self.is_discarded = False

    def release(self) -> None:
        """Print the held-back output and all later output; do nothing once it is released or discarded."""
        if self._reporter._tw is not self._writer and not self.is_discarded:
            self._reporter._tw = self._writer
            self._writer.write(self._text.getvalue(), flush=True)

    def discard(self) -> None:
        """Drop the held-back output and all later output."""
        self.is_discarded = True
        self._reporter._tw = type(self._writer)(open(os.devnull, "w"))  # noqa: SIM115 - closed with the process
