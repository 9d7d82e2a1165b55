"""The report on a terminal: tables in its width, each dataset's comparison table, and the report."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from harness.analysis.evidence import Evidence
from harness.config.datasets import title_of
from harness.config.recipe import MAX_NAME_CHARACTERS
from harness.paper.published import STUDY_MODELS
from harness.report.answer_text import answer_lines, key_parts
from harness.report.build import WrittenReport
from harness.report.tables.disturbed import EPOCH_SECONDS, UNDISTURBED
from harness.report.tables.other_code import code_stamp
from harness.report.tables.paper import accuracy_table
from harness.report.tables.runs import MODE_WORDS, mode_text, run_notes, run_row
from harness.report.tables.table import Column, Row, Table
from harness.report.truncation import MAX_TERMINAL_ROWS, evenly_over
from harness.results.result import Result
from harness.text import count, count_noun, duration, one_line, printable, printable_lines
from harness.text import table as text_table

# Heading, key of the measured value, format; a published value has the key with "published_" before it.
_MEASURES = (
    ("s/epoch", "epoch_seconds", "{:.2f}"),
    ("total", "total_seconds", None),
    ("acc %", "accuracy_percent", "{:.2f}"),
    ("F1 %", "macro_f1_percent", "{:.2f}"),
    ("gain %/s", "marginal_gain", "{:.4g}"),
)
_DROPPABLE = ("epochs", "gain %/s", "MACs", "params", UNDISTURBED.heading)
_COLUMNS_OF_CASES = ("params", "macs", "published_accuracy_percent", "published_epoch_seconds")


def comparison_tables(results: Iterable[Result]) -> list[Table]:
    """Return a table for each dataset and mode, in the study's order, with a row per case."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[result.dataset, result.mode].append(result)
    datasets = [*STUDY_MODELS, *sorted({dataset for dataset, _ in groups} - set(STUDY_MODELS))]
    return [
        _comparison_table(dataset, mode, groups[dataset, mode])
        for dataset in datasets
        for mode in MODE_WORDS
        if (dataset, mode) in groups
    ]


def _comparison_table(dataset: str, mode: str, results: list[Result]) -> Table:
    order = {model: position for position, model in enumerate(STUDY_MODELS.get(dataset, ()))}

    def place(r: Result) -> tuple[object, ...]:
        cost = (order.get(r.model, len(order)), r.params, r.model)
        return (*cost, r.seed, r.epochs, r.case.pipeline, r.case.identity)

    results = sorted(results, key=place)
    rows = _with_published_once([run_row(result) for result in results])
    rows = [row | {"name": name} for row, name in zip(rows, _row_names(rows), strict=True)]
    title = title_of(dataset) + mode_text(mode, (result.case.recipe.epochs for result in results))
    table = Table("", title, _comparison_columns(rows), tuple(rows), tuple(run_notes(results)), droppable=_DROPPABLE)
    return code_stamp({title: results}).on(table)


def _with_published_once(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with published values only in the first row of each model."""
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        if row["published_accuracy_percent"] is not None:
            first.setdefault(row["model"], place)
    empty = {f"published_{key}": None for _, key, _ in _MEASURES}
    return [row if first.get(row["model"]) == place else row | empty for place, row in enumerate(rows)]


def _comparison_columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Return the columns: each measure with its published value beside it, if any is comparable."""
    has_disturbed = any(row["undisturbed_median_seconds"] is not None for row in rows)
    columns = [
        Column("model", "name", is_words=True),
        Column("epochs", "epochs"),
        Column("params", "params", lambda row: count(row["params"])),
        Column("MACs", "macs", lambda row: count(row["macs"])),
    ]
    has_published = any(row["published_accuracy_percent"] is not None for row in rows)
    for heading, key, form in _MEASURES:
        is_epoch_time = key == "epoch_seconds"
        columns.append(EPOCH_SECONDS if is_epoch_time else _measure_column(heading, key, form))
        if has_published:
            columns.append(replace(_measure_column("paper", f"published_{key}", form), is_foldable=True))
        if is_epoch_time and has_disturbed:
            columns.append(UNDISTURBED)
    return tuple(columns)


def _measure_column(heading: str, key: str, form: str | None) -> Column:
    return Column(heading, key, (lambda row: duration(row[key])) if form is None else form)


def _row_names(rows: Sequence[Row]) -> list[str]:
    """Return each row's name: the model; pipeline, seed, rate, recipe or case hash to be unique."""
    has_seeds, has_pipelines = (len({row[key] for row in rows}) > 1 for key in ("seed", "pipeline"))
    has_rates = len({row["learning_rate"] for row in rows}) > len({row["recipe"] for row in rows})
    keys = [(row["model"], row["seed"], row["pipeline"], has_rates and row["learning_rate"]) for row in rows]
    recipes = [one_line(str(row["recipe"]), MAX_NAME_CHARACTERS) for row in rows]
    whole = list(zip(keys, recipes, strict=True))
    names = []
    for row, key, recipe in zip(rows, keys, recipes, strict=True):
        parts = [str(row["model"])]
        parts += ["ref"] * (has_pipelines and row["pipeline"] == "reference")
        parts += [f"s{row['seed']}"] * has_seeds
        parts += [f"lr {row['learning_rate']:g}"] * has_rates
        if keys.count(key) > 1:
            parts.append(recipe if recipe and whole.count((key, recipe)) == 1 else f"#{row['case'][:4]}")
        names.append(" ".join(parts if row["status"] == "complete" else [*parts, "!"]))
    return names


def terminal_text(table: Table, width: int) -> str:
    """Return the table with its title and notes for a terminal of ``width`` characters.

    A table too wide folds its foldable columns and drops droppable ones until it fits, or until none is left to drop.
    A long table is cut.
    """
    shown, notes = _excerpt(table), list(map(printable, table.notes))
    if len(shown.rows) < len(table.rows):
        rows = f"{len(shown.rows)} of {len(table.rows):,} rows"
        notes.insert(0, f"{rows}, evenly over the models; the report's CSV tables have all of them")
    body = _unfolded(shown)
    for dropped in range(min(1, len(shown.droppable)), len(shown.droppable) + 1):
        if _width(body) <= width:
            break
        body = _folded(shown, shown.droppable[:dropped])
    filled = (textwrap.fill(note, width, initial_indent="  ", subsequent_indent="    ") for note in notes)
    return "\n".join([textwrap.fill(printable(table.title), width), body, *filled])


def _excerpt(table: Table) -> Table:
    places = evenly_over([row.get("model") for row in table.rows], MAX_TERMINAL_ROWS)
    return replace(table, rows=tuple(table.rows[place] for place in places))


def _width(text: str) -> int:
    return max(map(len, text.splitlines()))


def _unfolded(table: Table) -> str:
    return text_table(table.headings, table.cells, left=table.left_columns)


def _folded(table: Table, dropped: Sequence[str]) -> str:
    """Return the table without dropped columns, with foldable cells on a second line of each row."""
    kept = [place for place, one in enumerate(table.columns) if not one.is_foldable and one.heading not in dropped]
    lines = []
    for cells in table.cells:
        lines.append([cells[place] for place in kept])
        second = [_folded_cell(table, cells, place) for place in kept]
        if any(second):
            (heading,) = {column.heading for column in table.columns if column.is_foldable}
            lines.append([f"  {heading}", *second[1:]])
    left = sum(place < table.left_columns for place in kept)
    return text_table([table.headings[place] for place in kept], lines, left=left)


def _folded_cell(table: Table, cells: Sequence[str], place: int) -> str:
    """Return the cell of the foldable column after the one at ``place``; empty if there is none."""
    after = place + 1
    return cells[after] if after < len(cells) and table.columns[after].is_foldable else ""


def report_text(report: WrittenReport, width: int) -> str:
    """Return the report's means over seeds, its answers and its paths, in lines of ``width`` characters.

    Paths are not cut, however long.
    """
    lines, key = [], key_parts(answer for _, answer in report.answers)
    for evidence, answer in report.answers:
        if len(evidence.seeds) > 1:
            lines += [terminal_text(_means_table(evidence), width), ""]
        lines += [*answer_lines(evidence, answer, width), ""]
    if any(len(evidence.seeds) > 1 for evidence, _ in report.answers):
        key.insert(0, "±: half of the 95 % t interval over seeds")
    lines += textwrap.wrap("; ".join(key), width)
    lines.append(f"written: {report.page}")
    for paths, noun in ((report.tables, "table file"), (report.figures, "figure file")):
        if paths:
            lines.append(f"written: {count_noun(len(paths), noun)} in {paths[0].parent}")
    return printable_lines("\n".join(lines))


def _means_table(evidence: Evidence) -> Table:
    """Return the table of means without columns that the table of cases has; its only note explains marks."""
    means = accuracy_table(evidence)
    kept = tuple(column for column in means.columns if column.key not in _COLUMNS_OF_CASES)
    marked = code_stamp({evidence.title: evidence.used_results}).on(replace(means, columns=kept, notes=()))
    return marked if marked.mark_key else replace(marked, notes=())
