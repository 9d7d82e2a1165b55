"""Tables as the page's template shows them: cells with sort values and links."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from harness.analysis.evidence import Evidence
from harness.report.tables.table import Row, Table, written_value
from harness.report.truncation import FEW_NAMES, MAX_CSV_BYTES, MAX_NAMES, MAX_PAGE_ROWS, evenly_over

_MODEL_KEYS = ("model", "other", "beaten_by")


@dataclass(frozen=True)
class RowIds:
    """The ids of the rows that links lead to.

    Attributes:
        models: of the row with a model's results, in its study's first table, by mode, study title and model.
        runs: of a run's row in its study's table of every run, by result folder; only of rows that the page shows.
    """

    models: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    runs: Mapping[Path, str] = field(default_factory=dict)


def row_ids(found: Sequence[Evidence], tables_of_runs: Sequence[Table]) -> RowIds:
    """Return the ids of the rows that model names and seeds link to."""
    models = {
        (str(one.mode), one.title, model): f"row-{one.file_name}-{model.replace(':', '--')}"
        for one in found
        for model in one.models
    }
    runs = {
        folder: f"run-{table.file_name}-{folder.name}"
        for table in tables_of_runs
        for place in _shown_places(table)
        for folder in table.rows[place]["runs"].values()
    }
    return RowIds(models, runs)


def csv_link(path: Path) -> str:
    """Return a CSV file as a data link; empty if it is too long for the page."""
    content = path.read_bytes()
    return "" if len(content) > MAX_CSV_BYTES else f"data:text/csv;base64,{base64.b64encode(content).decode()}"


def table_view(
    table: Table, ids: RowIds, csv: str, mode: str = "", study: str = "", *, is_of_models: bool = False
) -> dict[str, Any]:
    """Return a table as the template shows it.

    Args:
        csv: the data link of its CSV file, if any.
        mode, study: the study of the rows' models; a row with a ``study`` of its own belongs to that one.
        is_of_models: True if the rows are those that model names link to.
    """
    # each row of models is the target of links
    places = range(len(table.rows)) if is_of_models else _shown_places(table)

    def id_of(row: Row, key: str) -> str:
        return ids.models.get((mode, row.get("study", study), str(row.get(key))), "")

    def row_view(place: int) -> dict[str, Any]:
        row = table.rows[place]
        cells = [
            _cell(
                text,
                written_value(key, row.get(key)),
                "" if is_of_models or key not in _MODEL_KEYS else id_of(row, key),
            )
            for text, key in zip(table.cells[place], (column.key for column in table.columns), strict=True)
        ]
        own_id = id_of(row, "model") if is_of_models else _run_id(row, ids)
        return {"id": own_id, "cells": cells, **_row_marks(row, ids)}

    return {
        "id": f"table-{table.file_name}",
        "file_name": table.file_name,
        "csv": csv,
        "title": table.title,
        "columns": table.columns,
        "notes": table.notes,
        "excerpt": _excerpt_note(table.rows, len(places)),
        "runs_heading": _runs_heading(table),
        "rows": [row_view(place) for place in places],
    }


def _shown_places(table: Table) -> list[int]:
    """Return the places of the rows that the page shows of a folded table."""
    return evenly_over([row.get("model") for row in table.rows], MAX_PAGE_ROWS)


def _is_run(row: Row) -> bool:
    return "status" in row


def _run_id(row: Row, ids: RowIds) -> str:
    """Return the id of a run's row; empty for other rows."""
    return next((ids.runs.get(folder, "") for folder in row["runs"].values()), "") if _is_run(row) else ""


def _runs_heading(table: Table) -> str:
    """Return the heading of the column of results; empty if the table has none."""
    if not any("runs" in row for row in table.rows):
        return ""
    return "case" if _is_run(table.rows[0]) else "results by seed"


def _row_marks(row: Row, ids: RowIds) -> dict[str, Any]:
    """Return a row's mark, as incomplete or quick, and its results."""
    links = _run_links(row, ids)
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


def _run_links(row: Row, ids: RowIds) -> list[dict[str, str]]:
    """Return a run's case, or seeds that link to the rows of runs; if there are many, the first ones.

    A run that the page does not show has no link.
    """
    folders = row.get("runs", {})
    if _is_run(row):
        return [
            {"text": folder.name.rpartition("-")[2], "title": folder.name, "href": ""} for folder in folders.values()
        ]
    few = len(folders) if len(folders) <= MAX_NAMES else FEW_NAMES
    return [
        {"text": str(seed), "title": folder.name, "href": f"#{ids.runs[folder]}" if folder in ids.runs else ""}
        for seed, folder in islice(folders.items(), few)
    ]


def _cell(text: str, value: Any, target: str) -> dict[str, Any]:
    """Return a cell with its sort value and, for a model's name, the link to the row with its results."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"text": text, "value": value if is_number else None, "href": f"#{target}" if target else ""}
