"""A table of the report: rows of plain values, and how each column puts them before a person.

The CSV has the plain values, all other formats the cells; so a number and its text come from one place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from harness.files import write_text_atomically
from harness.report.markup import latex, markdown

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its heading, the key of the value that the page sorts by, and how a row's cell is put.

    Attributes:
        form: a format of the value, or what makes a cell of the whole row; a value that is None leaves it empty.
        is_words: whether it stands to the left.
    """

    heading: str
    key: str
    form: str | Callable[[Row], str] = "{}"
    is_words: bool = False

    def cell(self, row: Row) -> str:
        """The row's cell as a person reads it."""
        if row.get(self.key) is None:
            return ""
        return self.form(row) if callable(self.form) else self.form.format(row[self.key])


@dataclass(frozen=True)
class Table:
    """A table with its title and notes.

    Attributes:
        file_name: of its files, without suffix.
        rows: plain values by their key, a CSV column each. Of them the page knows ``runs`` (result folders by seed),
            ``status`` and ``mode``.
        is_long: whether the page shows it folded.
    """

    file_name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    is_long: bool = False

    @property
    def headings(self) -> list[str]:
        return [column.heading for column in self.columns]

    @cached_property
    def cells(self) -> list[list[str]]:
        """The rows as a person reads them."""
        return [[column.cell(row) for column in self.columns] for row in self.rows]

    @property
    def left(self) -> list[bool]:
        """Whether each column stands to the left."""
        return [column.is_words for column in self.columns]

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as plain values; result folders as their paths."""
        return pd.DataFrame([{key: _plain(value) for key, value in row.items()} for row in self.rows])


def _plain(value: Any) -> Any:
    return " ".join(map(str, value.values())) if isinstance(value, Mapping) else value


def write_table(table: Table, folder: Path) -> list[Path]:
    """The table as CSV, Markdown and LaTeX in a folder: the files written."""
    texts = {
        ".csv": table.frame.to_csv(index=False),
        ".md": markdown(table),
        ".tex": latex([table]),
    }
    return write_texts(texts, folder / table.file_name)


def writable(text: str) -> str:
    """The text as UTF-8 can have it: a folder's name need not be UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def write_texts(texts: Mapping[str, str], stem: Path) -> list[Path]:
    """Texts in files of one stem, by their suffix: the files written."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_name(stem.name + suffix) for suffix in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text_atomically(path, writable(text))
    return paths
