"""pytest's terminal as the plugin writes to it."""

import sys
from dataclasses import dataclass
from typing import Any

import pytest


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
    def width(self) -> int:
        """Columns."""
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
            sys.stdout.write(text)
            sys.stdout.flush()
