"""Human-readable numbers, lists and tables."""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

MOST_NAMED = 3  # of the classes, files or changes in a message


class ProgressLine(str):
    """A line about work that is under way: the next line replaces it where lines can be redrawn."""


def duration(seconds: float) -> str:
    """Format seconds: ``0.8s``, ``42s``, ``3m05s``, ``2h07m``, ``5d03h``."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60}h{minutes % 60:02d}m"
    hours = round(seconds / 3600)
    return f"{hours // 24}d{hours % 24:02d}h"


def short_time(seconds: float) -> str:
    """Format a short time, to three figures: ``85.3 µs``, ``1.23 ms``, ``2.50 s``."""
    factor, unit = (1e6, "µs") if seconds < 0.9995e-3 else (1e3, "ms") if seconds < 0.9995 else (1.0, "s")
    scaled = float(f"{factor * seconds:.3g}")
    return f"{scaled:.{decimals(scaled, 3)}f} {unit}"


def throughput(image_seconds: float) -> str:
    """Format seconds per image as a rate, to three figures: ``8,330 images/s``, ``0.455 images/s``."""
    rate = float(f"{1 / image_seconds:.3g}")
    return f"{rate:,.{decimals(rate, 3)}f} images/s"


def count(number: float) -> str:
    """Format a number with a prefix, to three or four figures: ``269.7k``, ``4.29M``, ``56.77G``."""
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor * 0.99995:  # 1000.0 of a prefix, rounded, is 1.00 of the next
            scaled = number / factor
            return f"{scaled:.2f}{prefix}" if scaled < 99.995 else f"{scaled:.1f}{prefix}"
    return f"{number:.0f}"


def count_noun(number: object, noun: str) -> str:
    """Return a number with its noun: ``1 thread``, ``2 threads``, ``2 classes``."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def listed(words: Iterable[str]) -> str:
    """Return words as a list in text: ``time``, ``time and MACs``, ``time, parameters and MACs``."""
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def listed_up_to(words: Sequence[str], most: int, noun: str) -> str:
    """Return words as a list in text; the others beyond ``most`` are counted: ``a, b and 3 more files``."""
    more = len(words) - most
    return listed(words if more <= 0 else [*words[:most], count_noun(more, f"more {noun}")])


_JOINERS = "\u200c\u200d"  # within words of Persian and Indic scripts, and in joined emoji
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode's categories of control and format characters, lone surrogates and line separators."""


def printable(text: str) -> str:
    r"""Return a text with its invisible characters escaped, as ``\x1b``: names in files may hold any.

    On a terminal or a page they could move the cursor, reorder or hide other text, or begin a line of their own.
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def printable_lines(text: str) -> str:
    """Return `printable` text that keeps its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _visible(char: str) -> str:
    if char in _JOINERS or unicodedata.category(char) not in _INVISIBLE:
        return char
    return repr(char)[1:-1] if char < " " else json.dumps(char)[1:-1]  # in a JSON text, too, it is the same character


def one_line(text: str, most: int | None = None) -> str:
    """Return a text as one line of printable characters, cut to ``most`` of them; None cuts nothing."""
    line = " ".join("".join(char if char.isprintable() or char in _JOINERS else " " for char in text).split())
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


def spelled_out(name: str) -> str:
    """Return a name with the bytes that are not UTF-8, which JSON and pages cannot hold, as ``caf\\xe9``."""
    if not any(0xD800 <= ord(character) < 0xE000 for character in name):
        return name
    return "".join(map(_spelled_out, name))


def _spelled_out(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code < 0xDD00:  # Python's spelling of a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0xD800 <= code < 0xE000 else character


def distinct_labels(names: Mapping[str, str], most: int) -> dict[str, str]:
    """Return a label for each key: its name as `one_line`, with the key if that is empty or not unique."""
    lines = {key: one_line(name, most) for key, name in names.items()}
    counts = Counter(lines.values())
    return {key: line if line and counts[line] == 1 else f"{line} {key}".strip() for key, line in lines.items()}


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Format a table for a terminal; the first ``left`` columns are left-aligned, others right-aligned.

    The headings are passed as a row: tabulate pads columns that have real headings by two more characters.
    """
    alignment = ["left"] * left + ["right"] * (len(headings) - left)
    from tabulate import SEPARATING_LINE, tabulate  # other people's test suites load this module too

    lines = [list(headings), SEPARATING_LINE, *map(list, rows)]
    return str(tabulate(lines, tablefmt="simple", colalign=alignment, disable_numparse=True, preserve_whitespace=True))


def signed(number: float, digits: int) -> str:
    """Format a number with its sign, a true minus, and no sign at 0: ``+0.28``, ``−0.28``, ``0.00``."""
    text = f"{abs(number):.{digits}f}"
    sign = "" if float(text) == 0 else "+" if number > 0 else "−"
    return sign + text


def p_value(value: float | None) -> str:
    """Format a p-value: ``p = .044``, ``p < .001``; empty for None."""
    number = p_number(value)
    return number if not number else f"p {number}" if number.startswith("<") else f"p = {number}"


def p_number(value: float | None) -> str:
    """Format a p-value without its ``p =``: ``.044``, ``< .001``; empty for None."""
    if value is None:
        return ""
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def decimals(number: float, figures: int) -> int:
    """Return the number of decimals that show a number to ``figures`` significant figures."""
    return 0 if number == 0 else max(0, figures - 1 - math.floor(math.log10(abs(number))))
