"""Rows of a CSV of image paths and labels, its delimiter and its columns recognised by the header."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.formats.folder_names import composed
from harness.errors import FaultList, InputError
from harness.foreign_files import read_regular
from harness.text import MOST_NAMED, listed, listed_up_to, one_line

_MOST_BYTES = 256 * 2**20  # 100 bytes for each of 2.7 million images
_MOST_SHOWN = 1000  # characters of a first line
_DELIMITERS = ",;\t"
# By what a column has: its names in lower case, without spaces, dashes and underscores.
_COLUMNS: Mapping[str, frozenset[str]] = {
    "path": frozenset({"file", "filename", "filepath", "image", "imagefile", "imagepath", "img", "imgpath", "path"}),
    "label": frozenset({"category", "class", "classid", "classname", "label", "target"}),
    "split": frozenset({"partition", "set", "split", "subset"}),
}
_SHOWN_NAMES = {"path": "path, file, filename, image or filepath", "label": "label, class, target or category"}


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: the image's path as the table has it.
        path: the image's path, found from the table's folder.
        split: the value of the column of splits; None without one.
        table: the file.
        line: its number in the file, from 1.
    """

    name: str
    path: Path
    label: str
    split: str | None
    table: Path
    line: int


def read_rows(table: Path) -> list[Row]:
    """Return the rows of a table; empty lines are skipped.

    Raises:
        InputError: the file is not a CSV in UTF-8, lacks a column, or rows have other fields than the header.
    """
    text = _text_of(table)
    delimiter, columns, fields = _header(table, text)
    rows: list[Row] = []
    uneven: list[str] = []
    for line, values in _lines(table, text, delimiter):
        if line > 1 and any(values):
            if len(values) < fields or any(values[fields:]):
                uneven.append(f"line {line}")
            else:
                rows.append(_row(table, line, {name: values[position] for name, position in columns.items()}))
    if uneven:
        raise InputError(
            f"{table}: {listed_up_to(uneven, MOST_NAMED, 'line')} without the header's {fields} fields: quote a value "
            f"that has {_shown(delimiter)} in it"
        )
    _require_values(table, rows)
    return rows


def _text_of(table: Path) -> str:
    try:
        return read_regular(table, _MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is not a text in UTF-8: save it as CSV in UTF-8") from error
    except OSError as error:
        raise InputError(f"{table} cannot be read: {error.strerror or error}") from error


def _lines(table: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's line number and fields without surrounding spaces."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for values in reader:
            yield reader.line_num, [value.strip() for value in values]
    except csv.Error as error:
        raise InputError(f"{table}, line {reader.line_num}: {error}") from error


def _header(table: Path, text: str) -> tuple[str, dict[str, int], int]:
    """Return the delimiter, each column's position, and the number of columns."""
    first = text[:_MOST_SHOWN].split("\n", 1)[0]
    headers = {one: next(_lines(table, first, one), (1, [""]))[1] for one in _DELIMITERS}
    found = {delimiter: _columns_in(header) for delimiter, header in headers.items()}
    delimiter = max(_DELIMITERS, key=lambda one: (len(found[one]), len(headers[one])))
    columns, header = found[delimiter], headers[delimiter]
    for column, names in _SHOWN_NAMES.items():
        if column not in columns:
            raise InputError(
                f"{table} has no column of {column}s: call it {names}; its first line is {one_line(first, 60)!r}"
            )
    for column, positions in columns.items():
        if len(positions) > 1:
            names = listed([repr(header[position]) for position in positions])
            raise InputError(f"{table} has several columns of {column}s, {names}: keep one")
    while header and not header[-1]:
        header.pop()
    return delimiter, {column: positions[0] for column, positions in columns.items()}, len(header)


def _columns_in(header: Sequence[str]) -> dict[str, list[int]]:
    """Return the positions of the columns that a header names."""
    plain = [name.casefold().translate(str.maketrans("", "", " _-")) for name in header]
    found = {column: [k for k, name in enumerate(plain) if name in names] for column, names in _COLUMNS.items()}
    return {column: positions for column, positions in found.items() if positions}


def _row(table: Path, line: int, values: Mapping[str, str]) -> Row:
    name = values["path"].replace("\\", "/") if os.sep == "/" else values["path"]  # written on Windows
    return Row(name, table.parent / name, composed(values["label"]), values.get("split"), table, line)


def _require_values(table: Path, rows: Sequence[Row]) -> None:
    """Raise an `InputError` that names the rows without a path or a label, and a table without rows."""
    if not rows:
        raise InputError(f"{table} has no rows below its header: give a line for each image")
    faults = FaultList()
    for column, empty in (("path", [r for r in rows if not r.name]), ("label", [r for r in rows if not r.label])):
        with faults:
            if empty:
                lines = listed_up_to([f"line {row.line}" for row in empty], MOST_NAMED, "line")
                raise InputError(f"{table}: no {column} in {lines}: add it, or remove the row")
    faults.raise_any()


def _shown(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else repr(delimiter)
