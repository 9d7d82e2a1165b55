"""A phrase of a page whose figures are recomputed from a record, and the figures that none of these has."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_NUMBER = r"\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?"
_UNIT = (
    r"%|pp\b|points?\b|percentage points?\b|(?:ns|µs|ms|s|min|h|d)\b|(?:second|minute|hour|day)s?\b|[kMGT]i?B\b|bytes\b"
    r"|images/s|times\b|×(?!\d)|million\b|thousand\b|passed\b|of \d"
)
_FIGURE = re.compile(
    rf"(?:(?<=p = )|(?<=p < )|(?<=± )|(?<=[^\d]×))\.?{_NUMBER}"
    rf"|(?<![A-Za-z\d]){_NUMBER}(?: ?(?:{_UNIT}))|\d[\d,]*\.\d+|(?<![\w.])\.\d+"
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


def difference(phrase, text):
    """Return what a page in one line says where it should have a phrase; None if it has it."""
    if phrase in text:
        return None
    alike = SequenceMatcher(None, phrase, text, autojunk=False).find_longest_match()
    start = max(0, alike.b - alike.a)
    said = text[start : start + len(phrase)]
    at = next((k for k, (one, other) in enumerate(zip(phrase, said, strict=False)) if one != other), len(said))
    shown = slice(max(0, at - 40), at + 60)
    return f"the record says: … {phrase[shown]} …\nthe page says:   … {said[shown]} …"


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
    return [found.group() for found in _FIGURE.finditer(_without_addresses(text))]


def figures_in_context(text):
    """Return the measured figures of a text in one line, each with the words around it."""
    text = _without_addresses(text)
    return [text[max(0, found.start() - 40) : found.end() + 30] for found in _FIGURE.finditer(text)]


def _without_addresses(text):
    """Return a text without the addresses of links, code and the versions of programs."""
    return _NAMED_VERSION.sub(" ", re.sub(r"`[^`]*`", " ", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)))
