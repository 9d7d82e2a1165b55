"""GTSRB's files of labels: CSVs whose every row is checked."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from harness.config.datasets import SPECS
from harness.errors import InputError
from harness.foreign_files import read_regular

_MOST_BYTES = 16 * 2**20  # the largest, Kaggle's Train.csv, has 2 MB


def read_rows(text: str, name: str, columns: Iterable[str], delimiter: str) -> list[dict[str, str]]:
    """Read the rows of a CSV that has these columns and, in ``ClassId``, labels from 0 to 42.

    Raises:
        InputError: a column is missing, a row is too short, a label is out of range, or there are no rows. The message
            names the file and the line.
    """
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    wanted = tuple(columns)
    rows = []
    try:
        missing = [column for column in wanted if column not in (reader.fieldnames or ())]
        if missing:
            raise InputError(
                f"{name} lacks column {missing[0]!r}: it needs {', '.join(wanted)}, separated by {delimiter!r}"
            )
        for row in reader:
            if any(row[column] is None for column in wanted):
                raise InputError(f"{name}, line {reader.line_num}: the row is too short")
            if not _is_label(row["ClassId"]):
                label = row["ClassId"][:20]
                raise InputError(f"{name}, line {reader.line_num}: label {label!r} is out of range 0 to 42")
            rows.append(row)
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}: not a CSV ({error})") from error
    if not rows:
        raise InputError(f"{name} has no rows")
    return rows


def _is_label(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) < SPECS["gtsrb"].num_classes


def read_text(path: Path) -> str:
    """Return the text of a file of labels.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: it has GTSRB's labels; download it again") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
