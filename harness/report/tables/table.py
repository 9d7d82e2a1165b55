"""The report's table: rows of plain values, and columns that format them.

The CSV file holds the plain values, every other format the cells, so a number and its text have one source.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import pandas as pd

Row = Mapping[str, Any]


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
    """

    file_name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    droppable: tuple[str, ...] = ()

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.columns]

    @cached_property
    def cells(self) -> list[list[str]]:
        """The cells as text for readers, a list per row."""
        return [[column.cell(row) for column in self.columns] for row in self.rows]

    @property
    def left_columns(self) -> int:
        """The number of leading columns that hold words."""
        return sum(1 for _ in takewhile(lambda column: column.is_words, self.columns))

    @property
    def frame(self) -> pd.DataFrame:
        """The plain values as written to CSV; result folders by their names within the results folder."""
        return pd.DataFrame([csv_row for row in self.rows for csv_row in _csv_rows(row)])


def _csv_rows(row: Row) -> list[dict[str, Any]]:
    lengths = {len(value) for value in row.values() if isinstance(value, tuple)} or {1}
    (length,) = lengths
    return [
        {key: _plain(value[place] if isinstance(value, tuple) else value) for key, value in row.items()}
        for place in range(length)
    ]


def _plain(value: Any) -> Any:
    return " ".join(folder.name for folder in value.values()) if isinstance(value, Mapping) else value
