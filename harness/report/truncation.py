"""What is shown of much: a page and a terminal have room for some rows and names, the CSV tables have all."""

from collections import Counter
from collections.abc import Hashable, Sequence

PAGE_ROWS = 200  # of a folded table
TERMINAL_ROWS = 60
FOLDED_ROWS = 40  # a table of more is folded
NAMES = 10  # of cases in a note, of links in a cell
FEW_NAMES = 3  # of links in a cell, where there are more than that
LINES = 20  # of a list on the page, of what was left out on a terminal
CURVES = 16  # models named or drawn each for themselves in a figure


def evenly(groups: Sequence[Hashable], most: int) -> list[int]:
    """The places, in order, of at most so many rows: the first of every group, then the second of every group, ….

    Args:
        groups: of each row, as its model.
    """
    seen: Counter[Hashable] = Counter()
    ranks = []
    for group in groups:
        ranks.append(seen[group])
        seen[group] += 1
    return sorted(sorted(range(len(ranks)), key=ranks.__getitem__)[:most])


def spaced(count: int, most: int) -> list[int]:
    """At most so many places of a row of things, at even distances, both ends among them."""
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def named(names: Sequence[str], where: str) -> str:
    """Names in a sentence; of many the first, and how many more stand where: ``a, b and 7 more (WHERE)``."""
    if len(names) <= NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:NAMES])} and {len(names) - NAMES:,} more ({where})"


def first(lines: Sequence[str], where: str, most: int = LINES) -> list[str]:
    """The lines; of many the first, and a last one that says how many more stand where."""
    return [*lines[:most], f"{len(lines) - most:,} more: {where}"] if len(lines) > most else list(lines)
