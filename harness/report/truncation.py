"""Limits for long tables and lists: the page and the terminal show part of them, the CSV files all."""

from collections import Counter
from collections.abc import Hashable, Sequence

MAX_PAGE_ROWS = 200  # of a folded table
MAX_TERMINAL_ROWS = 60
MAX_NAMES = 10  # of cases in a note, of links in a cell
FEW_NAMES = 3  # of links in a cell that has more than `MAX_NAMES`
MAX_CSV_BYTES = 100_000  # of a CSV file that the page holds as a link: 200 runs
MAX_LINES = 20  # of a list on the page, and of the files left out on a terminal
MAX_CURVES = 16  # models that a figure names or draws one by one


def evenly_over(groups: Sequence[Hashable], limit: int) -> list[int]:
    """Return the places of at most ``limit`` rows: each group's first, then each group's second, ….

    The places are sorted.

    Args:
        groups: each row's group, for example its model.
    """
    seen: Counter[Hashable] = Counter()
    ranks = []
    for group in groups:
        ranks.append(seen[group])
        seen[group] += 1
    return sorted(sorted(range(len(ranks)), key=ranks.__getitem__)[:limit])


def evenly_spaced_with_ends(count: int, limit: int) -> list[int]:
    """Return at most ``limit`` of the places 0 to ``count`` − 1, at even distances, with both ends."""
    if count <= limit:
        return list(range(count))
    return [round(k * (count - 1) / (limit - 1)) for k in range(limit)]


def join_names(names: Sequence[str], source: str) -> str:
    """Return names for a sentence; if there are many, ``a, b and 7 more (SOURCE)``."""
    if len(names) <= MAX_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMES])} and {len(names) - MAX_NAMES:,} more ({source})"


def first_lines(lines: Sequence[str], source: str, limit: int = MAX_LINES) -> list[str]:
    """Return the lines; if there are many, the first ones and ``7 more: SOURCE``."""
    return [*lines[:limit], f"{len(lines) - limit:,} more: {source}"] if len(lines) > limit else list(lines)
