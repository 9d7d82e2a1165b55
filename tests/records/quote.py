"""A phrase of a page whose figures are recomputed from a record, and the figures that none of these has."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_NUMBER = r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?"
_UNIT = (
    r"%|pp\b|points?\b|percentage points?\b|(?:ns|µs|ms|s|min|h|d)\b|(?:second|minute|hour|day)s?\b|[kMGT]i?B\b|bytes\b"
    r"|images/s|times\b|×|million\b|thousand\b|passed\b|of \d"
)
_FIGURE = re.compile(
    rf"(?:(?<=p = )|(?<=p < )|(?<=± )|(?<=×))\.?{_NUMBER}|{_NUMBER}(?: ?(?:{_UNIT}))|\d[\d,]*\.\d+|(?<![\w.])\.\d+"
)
_NAMED_VERSION = re.compile(r"\b(?:Python|torch|torchvision|Ray|version|Debian|PEP|draft|CUDA|capability) [\d.–-]*\d")


@dataclass(frozen=True)
class Quote:
    """A phrase of a page with figures from a record.

    Attributes:
        text: the phrase with a field of ``str.format`` for each figure; line breaks count as blanks.
        values: compute the figures.
    """

    text: str
    values: Callable[[], Sequence[Any]]

    def phrase(self):
        """Return the phrase that the page must contain."""
        return in_one_line(self.text.format(*self.values()))


def in_one_line(text):
    """Return a text with every run of white space as one blank."""
    return " ".join(text.split())


def page_text(page):
    """Return a page in one line, without its blocks of code; what a terminal shows (```text) is kept."""
    text = (ROOT / page).read_text()
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"^( *)```(?!text\b)\w+.*?^\1```$", " ", text, flags=re.DOTALL | re.MULTILINE)
    return in_one_line(re.sub(r"^ *```\w*$", " ", text, flags=re.MULTILINE))


def figures_of(text):
    """Return the measured figures of a text in one line: numbers with a unit or a decimal point."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)  # a link's address
    text = _NAMED_VERSION.sub(" ", re.sub(r"`[^`]*`", " ", text))
    return [found.group() for found in _FIGURE.finditer(text)]
