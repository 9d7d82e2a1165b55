"""Tables as the page's template shows them: cells with sort values and links."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.analysis.evidence import Evidence
from harness.report.tables.table import Row, Table
from harness.report.truncation import FEW_NAMES, MAX_NAMES, MAX_PAGE_ROWS, evenly_over
from harness.results.folder import RESULT

_MODEL_KEYS = ("model", "other", "beaten_by")
RowIds = Mapping[tuple[str, str, str], str]
"""The id of the row with a model's results, by mode, study title and model."""


def row_ids(found: Sequence[Evidence]) -> RowIds:
    """Return the ids of the rows in each study's first table: the targets of model names."""
    return {(str(one.mode), one.title, model): f"row-{one.file_name}-{model}" for one in found for model in one.models}


def table_view(
    table: Table, ids: RowIds, report_dir: Path, mode: str = "", study: str = "", *, is_of_models: bool = False
) -> dict[str, Any]:
    """Return a table as the template shows it.

    Args:
        mode, study: the study of the rows' models; a row with a ``study`` of its own belongs to that one.
        is_of_models: True if the rows are those that model names link to.
    """
    places: Sequence[int] = range(len(table.rows))
    if not is_of_models:  # each row of which is the target of links
        places = evenly_over([row.get("model") for row in table.rows], MAX_PAGE_ROWS)

    def id_of(row: Row, key: str) -> str:
        return ids.get((mode, row.get("study", study), str(row.get(key))), "")

    def row_view(place: int) -> dict[str, Any]:
        row = table.rows[place]
        cells = [
            _cell(text, row.get(key), "" if is_of_models or key not in _MODEL_KEYS else id_of(row, key))
            for text, key in zip(table.cells[place], (column.key for column in table.columns), strict=True)
        ]
        return {"id": id_of(row, "model") if is_of_models else "", "cells": cells, **_row_marks(row, report_dir)}

    return {
        "id": f"table-{table.file_name}",
        "file_name": table.file_name,
        "title": table.title,
        "columns": table.columns,
        "notes": table.notes,
        "excerpt": _excerpt_note(table.rows, len(places)),
        "has_runs": any("runs" in row for row in table.rows),
        "rows": [row_view(place) for place in places],
    }


def _row_marks(row: Row, report_dir: Path) -> dict[str, Any]:
    """Return a row's mark, as incomplete or quick, and the links to its results."""
    links = _run_links(row, report_dir)
    return {
        "mark": row.get("status", "complete") != "complete" or row.get("mode") == "quick",
        "runs": links,
        "more_runs": len(row.get("runs", {})) - len(links),
    }


def _excerpt_note(rows: Sequence[Row], shown: int) -> str:
    """Return the note on the number of rows shown; empty if all are."""
    if shown == len(rows):
        return ""
    return f"{shown} of {len(rows):,} rows" + (", evenly over the models" if "model" in rows[0] else "")


def _run_links(row: Row, report_dir: Path) -> list[dict[str, str]]:
    """Return links to a row's results; if there are many, to the first ones."""
    folders = row.get("runs", {})
    few = len(folders) if len(folders) <= MAX_NAMES else FEW_NAMES
    return [
        {"text": str(seed), "title": folder.name, "href": _link(folder, report_dir)}
        for seed, folder in islice(folders.items(), few)
    ]


def _link(folder: Path, report_dir: Path) -> str:
    """Return the link from the report folder to a case's result file."""
    path = folder / RESULT
    try:
        return quote(os.fsencode(Path(os.path.relpath(path, report_dir)).as_posix()))  # a name need not be UTF-8
    except ValueError:  # another drive
        return path.absolute().as_uri()


def _cell(text: str, value: Any, target: str) -> dict[str, Any]:
    """Return a cell with its sort value and, for a model's name, the link to the row with its results."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"text": text, "value": value if is_number else None, "href": f"#{target}" if target else ""}
