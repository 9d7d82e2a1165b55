"""The comparison table of each dataset for a terminal: what was measured, beside what the paper reports."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from harness.paper.published import STUDY
from harness.report.build import WrittenReport
from harness.report.tables.paper import accuracy_table
from harness.report.tables.runs import MODE_WORDS, run_notes, run_row
from harness.report.truncation import TERMINAL_ROWS, evenly
from harness.results.result import Result
from harness.text import count, duration, fitting_table, several
from harness.text import table as text_table


@dataclass(frozen=True)
class ComparisonTable:
    """One dataset's results of one mode, a row per case.

    Attributes:
        frame: plain numbers, one column per measure; published values in columns of their own, empty where nothing
            published is comparable.
    """

    dataset: str
    mode: str
    frame: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        epochs = ", ".join(map(str, sorted(set(self.frame["recipe_epochs"]))))
        return self.dataset + MODE_WORDS[self.mode].format(epochs=epochs)


def comparison_tables(results: Iterable[Result]) -> list[ComparisonTable]:
    """A table for each dataset and mode among the results, in the study's order."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        groups[result.dataset, result.mode].append(result)
    datasets = [*STUDY, *sorted({dataset for dataset, _ in groups} - set(STUDY))]
    return [
        _comparison_table(dataset, mode, groups[dataset, mode])
        for dataset in datasets
        for mode in MODE_WORDS
        if (dataset, mode) in groups
    ]


def _comparison_table(dataset: str, mode: str, results: list[Result]) -> ComparisonTable:
    order = {model: position for position, model in enumerate(STUDY.get(dataset, ()))}

    def place(r: Result) -> tuple[object, ...]:
        processes = (order.get(r.model, len(order)), r.params, r.model)
        return (*processes, r.seed, r.epochs, r.case.pipeline, r.case.identity)

    results = sorted(results, key=place)
    frame = pd.DataFrame([run_row(result) for result in results])
    return ComparisonTable(dataset, mode, frame, tuple(run_notes(results)))


# heading, measured column, published column, how a number is put
_MEASURES = (
    ("s/epoch", "epoch_seconds", "published_epoch_seconds", "{:.2f}"),
    ("total", "total_seconds", "published_total_seconds", None),
    ("acc %", "accuracy_percent", "published_accuracy_percent", "{:.2f}"),
    ("F1 %", "macro_f1_percent", "published_macro_f1_percent", "{:.2f}"),
    ("gain %/s", "marginal_gain", "published_marginal_gain", "{:.4g}"),
)


def _put(value: object, form: str | None) -> str:
    if value is None or pd.isna(value):
        return ""
    number = float(value)  # type: ignore[arg-type]
    return duration(number) if form is None else form.format(number)


def _model_cells(frame: pd.DataFrame) -> list[str]:
    """How each row is called: the model; its pipeline, seed and case's number too where they tell all rows apart."""
    many_seeds, many_pipelines = frame["seed"].nunique() > 1, frame["pipeline"].nunique() > 1
    is_ambiguous = frame.duplicated(["model", "seed", "pipeline"], keep=False)
    cells = []
    for (_, row), ambiguous in zip(frame.iterrows(), is_ambiguous, strict=True):
        parts = [str(row["model"])]
        parts += ["ref"] * (many_pipelines and row["pipeline"] == "reference")
        parts += [f"s{row['seed']}"] * many_seeds + [f"#{row['case'][:4]}"] * bool(ambiguous)
        cells.append(" ".join(parts if row["status"] == "complete" else [*parts, "!"]))
    return cells


def _wide_cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Headings and rows, a row per case, each measure's published value in the column beside it."""
    has_published = bool(frame["published_accuracy_percent"].notna().any())
    headings = ["model", "epochs", "params", "MACs"]
    for heading, *_ in _MEASURES:
        headings += [heading, "paper"] if has_published else [heading]
    rows = []
    for _, row in frame.iterrows():
        cells = [row["name"], str(row["epochs"]), count(row["params"]), count(row["macs"])]
        for _, measured, published, form in _MEASURES:
            cells += [_put(row[measured], form)] + ([_put(row[published], form)] if has_published else [])
        rows.append(cells)
    return headings, rows


def _narrow_cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The same in at most 80 columns: what the paper reports stands in a row of its own under each case."""
    headings = ["model", "params", "MACs", *(heading for heading, *_ in _MEASURES)]
    rows = []
    for _, row in frame.iterrows():
        measured = [_put(row[column], form) for _, column, _, form in _MEASURES]
        rows.append([row["name"], count(row["params"]), count(row["macs"]), *measured])
        published = [_put(row[column], form) for _, _, column, form in _MEASURES]
        if any(published):
            rows.append(["  paper", "", "", *published])
    return headings, rows


def terminal_text(table: ComparisonTable, columns: int) -> str:
    """The table for a terminal of that many columns, its title and its notes; of many cases an excerpt."""
    cases = len(table.frame)
    shown = table.frame.assign(name=_model_cells(table.frame)).iloc[evenly(list(table.frame["model"]), TERMINAL_ROWS)]
    notes = list(table.notes)
    if len(shown) < cases:
        told = f"{len(shown)} of {cases:,} cases, evenly over the models; all of them are in the report's CSV tables"
        notes.insert(0, told)
    body = text_table(*_wide_cells(shown))
    if max(map(len, body.splitlines())) > columns:
        body = text_table(*_narrow_cells(shown))
    told_notes = (textwrap.fill(note, columns, initial_indent="  ", subsequent_indent="    ") for note in notes)
    return "\n".join([textwrap.fill(table.title, columns), body, *told_notes])


_SPARED = ("best epoch %", "MACs", "total", "params")  # of the table of means, on a narrow terminal


def report_text(report: WrittenReport, columns: int) -> str:
    """What a report says, for a terminal of that many columns, and where it is written."""
    lines = []
    for evidence, answer in report.answers:
        if len(evidence.seeds) > 1:
            means = accuracy_table(evidence)
            lines += [means.title, fitting_table(means.headings, means.cells[:TERMINAL_ROWS], columns, _SPARED)]
            if len(means.cells) > TERMINAL_ROWS:
                where = f"all of them are in {means.file_name}.csv"
                lines.append(f"  the first {TERMINAL_ROWS} of {len(means.cells):,} models; {where}")
            lines += [textwrap.fill(f"  {means.notes[0]}", columns, subsequent_indent="    "), ""]
        lines.append(textwrap.fill(answer.headline, columns))
        lines += [
            textwrap.fill(sentence, columns, initial_indent="  ", subsequent_indent="    ")
            for sentence in answer.sentences
        ]
        lines.append("")
    lines.append(f"written: {report.page}")
    for paths, noun in ((report.tables, "table file"), (report.figures, "figure file")):
        if paths:
            lines.append(f"written: {several(len(paths), noun)} in {paths[0].parent}")
    return "\n".join(lines)
