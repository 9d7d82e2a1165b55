"""The report's table: rows of plain values, and columns that format them.

The CSV file holds the plain values, every other format the cells, so a number and its text have one source.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import pandas as pd

from harness.text import printable

Row = Mapping[str, Any]
MEASURED = "measured"
"""The source of measured values in a table that has published ones too."""
_SIGNIFICANT_DIGITS = 10  # more than any measure has
_NOISE = 1e-10  # finer than any measure; percentages that cancel leave about 1e-14
_NEVER_NOISE = ("p_value", "p_holm", "p_corrected", "norm", "norm_ratio")  # tiny ones are measured

# Whitespace and ' before the sign count too: a spreadsheet may skip the one, and the other must be one more then.
_FORMULA = re.compile(r"[\s']*[=@+\-\uff1d\uff20\uff0b\uff0d]")


@dataclass(frozen=True)
class Column:
    """A column: its heading, the key of its values, and their format.

    Attributes:
        key: the page sorts by the values under this key; the cell is empty if the value is None.
        form: a format string for the value, or a function from the whole row to the cell.
        is_words: True for words, aligned left; False for numbers, aligned right.
        is_foldable: a terminal too narrow for the table shows the cells on a second line, under the column before.
    """

    heading: str
    key: str
    form: str | Callable[[Row], str] = "{}"
    is_words: bool = False
    is_foldable: bool = False

    def cell(self, row: Row) -> str:
        """Return the row's cell as text for readers."""
        if row.get(self.key) is None:
            return ""
        return self.form(row) if callable(self.form) else self.form.format(row[self.key])


@dataclass(frozen=True)
class Table:
    """A table with its title and notes.

    Attributes:
        file_name: name of its files, without suffix; empty for a table that is only printed.
        rows: plain values by key, a CSV column per key. A tuple is a series: its row has a CSV row per element.
            The page knows the keys ``runs`` (result folders by seed), ``status`` and ``mode``.
        droppable: headings of the columns that a narrow terminal leaves out, the first one first.
        mark_key: rows with a value under this key have a ``*`` in the first cell, which a note explains.
    """

    file_name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    droppable: tuple[str, ...] = ()
    mark_key: str = ""

    @property
    def headings(self) -> list[str]:
        return [printable(column.heading) for column in self.columns]

    @cached_property
    def cells(self) -> list[list[str]]:
        """The cells as printable text for readers, a list per row."""
        rows = [{key: _without_noise(key, value) for key, value in row.items()} for row in self.rows]
        return [[printable(column.cell(row)) + self._mark(row, column) for column in self.columns] for row in rows]

    def _mark(self, row: Row, column: Column) -> str:
        return " *" if column is self.columns[0] and row.get(self.mark_key) is not None else ""

    @property
    def left_columns(self) -> int:
        """The number of leading columns that hold words."""
        return sum(1 for _ in takewhile(lambda column: column.is_words, self.columns))

    @property
    def frame(self) -> pd.DataFrame:
        """The plain values as written to CSV; result folders by their names within the results folder."""
        rows = [csv_row for row in self.rows for csv_row in _csv_rows(row)]
        return pd.DataFrame(rows, dtype=object)  # integers stay integers beside empty cells


def written_value(key: str, value: Any) -> Any:
    """Return a plain value as files have it: ten significant digits, and no rounding noise around 0.

    Digits before the point stay: MACs are exact.
    """
    value = _without_noise(key, value)
    if not isinstance(value, float) or not math.isfinite(value) or value == 0:
        return value
    return round(float(value), max(0, _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(abs(value)))))


def _without_noise(key: str, value: Any) -> Any:
    """Return the value, or 0 for what remains of floats that cancel out and for a negative 0."""
    is_noise = isinstance(value, float) and abs(value) < _NOISE and not (value and key.endswith(_NEVER_NOISE))
    return 0.0 if is_noise else value


def _csv_rows(row: Row) -> list[dict[str, Any]]:
    lengths = {len(value) for value in row.values() if isinstance(value, tuple)} or {1}
    (length,) = lengths
    return [
        {
            _csv_text(key): _csv_text(_plain(key, value[place] if isinstance(value, tuple) else value))
            for key, value in row.items()
        }
        for place in range(length)
    ]


def _plain(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return " ".join(folder.name for folder in value.values())
    return written_value(key, value)


def _csv_text(value: Any) -> Any:
    """Return a number as it is, a text printable, and a spreadsheet's formula, ``=1+1``, behind a ``'``."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if _FORMULA.match(text) else text
