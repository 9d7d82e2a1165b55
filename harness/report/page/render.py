"""The page: one HTML file that needs no network, made of what has been computed."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from harness.analysis.answer import Answer
from harness.analysis.evidence import Evidence
from harness.report.figures.style import BLUE, INK, PURPLE, VERMILLION, Figure
from harness.report.markup import Printable
from harness.report.tables.claims import JudgedClaims, claims_table
from harness.report.tables.table import Row, Table
from harness.report.truncation import FEW_NAMES, FOLDED_ROWS, LINES, NAMES, PAGE_ROWS, evenly, first
from harness.results.folder import RESULT
from harness.results.result import Result
from harness.results.timing import timed_on
from harness.text import several

LEFT_OUT = "left-out"
"""The table's name of what was left out, where that is more than the page lists."""
_MARKS = {"supported": "✓", "contradicted": "✗", "not distinguishable": "≈", "not measured": "–"}
# Colours of figures inline, which differ in the light and in the dark.
_COLOURS = {INK: "currentColor", BLUE: "var(--depth)", VERMILLION: "var(--width)", PURPLE: "var(--other)"}
_MODEL_KEYS = ("model", "other", "beaten_by")
# By mode, title and model: the id of the row that has the model's results.
RowIds = Mapping[tuple[str, str, str], str]
_MODE_BADGES = {"full": "", "shortened": "shortened: not the recipe's own epochs", "quick": "smoke"}


@dataclass(frozen=True)
class StudyPage:
    """A study as the page shows it."""

    evidence: Evidence
    answer: Answer
    figures: Sequence[Figure]
    tables: Sequence[Table]


@dataclass(frozen=True)
class Content:
    """What a page is made of.

    Attributes:
        smoke: tables of quick runs, each with its evidence.
        problems: what was left out, and why.
        command: that makes the page. made_at: when, in words.
    """

    folders: Sequence[Path]
    studies: Sequence[StudyPage]
    claims: JudgedClaims
    sides: Sequence[tuple[Evidence, Table]]
    throughput: Sequence[Printable]
    smoke: Sequence[tuple[Evidence, Table]]
    problems: Sequence[str]
    command: str
    made_at: str


def render_page(content: Content, report_dir: Path) -> str:
    """The page as HTML; its links to result files are relative to the report folder."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report.page", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    style, script = (Markup((Path(__file__).parent / f"page.{kind}").read_text("utf-8")) for kind in ("css", "js"))
    page = _page(content, report_dir)
    return environment.get_template("page.html").render(page=page, css=style, js=script, marks=_MARKS)


def _link(folder: Path, report_dir: Path) -> str:
    """Where a result's file lies, as seen from the report folder."""
    path = folder / RESULT
    try:
        return quote(os.fsencode(Path(os.path.relpath(path, report_dir)).as_posix()))  # a name need not be UTF-8
    except ValueError:  # another drive
        return path.absolute().as_uri()


def _page(content: Content, report_dir: Path) -> dict[str, Any]:
    """All that the template asks for."""
    evidence = [study.evidence for study in content.studies]
    results = [result for one in (*evidence, *(one for one, _ in content.smoke)) for result in one.results]
    runs = sum(len(one.runs) for one in evidence)
    titles = ", ".join(one.title for one in evidence)
    studies = "1 study" if len(content.studies) == 1 else f"{len(content.studies)} studies"
    lead = (
        f"What {several(runs, 'completed training')} of {studies} came to: which choice pays, by how much, and how sure"
    )
    rows_of_models: RowIds = {
        (str(one.mode), one.title, model): _row_id(one, model) for one in evidence for model in one.models
    }
    return {
        "subject": titles,
        "lead": f"{lead} one can be." if content.studies else "Nothing has been measured that could answer it yet.",
        "warnings": _warnings(content),
        "studies": [_study(study, rows_of_models, report_dir) for study in content.studies],
        "claims": _claims(content.claims) if content.studies else None,
        "sides": [_view(table, rows_of_models, report_dir, first.mode) for first, table in content.sides],
        "throughput": [_view(table, {}, report_dir) for table in content.throughput],
        "smoke": [_view(table, {}, report_dir) for _, table in content.smoke],
        "command": content.command,
        "commands": _commands(results),
        "environments": _environments(results),
        "problems": first(content.problems, "all of them are in the table"),
        "left_out": LEFT_OUT if len(content.problems) > LINES else "",
        "folders": ", ".join(map(str, content.folders)),
        "made_at": content.made_at,
        "version": metadata.version("wider-or-deeper"),
    }


def _warnings(content: Content) -> list[dict[str, str]]:
    """What has to be seen before any number."""
    warnings = []
    incomplete = [result for study in content.studies for result in study.evidence.incomplete]
    if incomplete:
        counts = Counter(result.status.replace("_", " ") for result in incomplete)
        told = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        text = f"{told}. They stand in the tables of runs, marked, and in no mean."
        if any(len(study.evidence.results) > PAGE_ROWS for study in content.studies):
            text = f"{told}. They stand in the tables of runs, of long ones in the CSV (status, cause), and in no mean."
        warnings.append({"title": "Not every training completed:", "text": text})
    if content.smoke and not content.studies:
        text = "Train with --full-training to get an answer."
        warnings.append({"title": "Only smoke runs are here, and they measure nothing.", "text": text})
    return warnings


def _row_id(evidence: Evidence, model: str) -> str:
    """Where the page has a model's results: the row of the study's first table."""
    return f"row-{evidence.file_name}-{model}"


def _study(study: StudyPage, rows_of_models: RowIds, report_dir: Path) -> dict[str, Any]:
    evidence = study.evidence
    about = [
        several(len(evidence.models), "model"),
        several(len(evidence.seeds), "seed"),
        several(evidence.epochs, "epoch"),
        f"{evidence.train_images:,} training and {evidence.test_images:,} test images",
        *evidence.hardware,
    ]
    return {
        "id": evidence.file_name,
        "title": evidence.title,
        "badge": _MODE_BADGES[evidence.mode],
        "about": " · ".join(about),
        "answer": study.answer,
        "figures": [_figure(figure) for figure in study.figures],
        "tables": [
            _view(table, rows_of_models, report_dir, evidence.mode, evidence.title, is_of_models=place == 0)
            for place, table in enumerate(study.tables)
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    """A figure, its drawing inline in the page's own ink, with its description for who cannot see it."""
    opening = Markup('<svg role="img" aria-label="{}" ').format(f"{figure.title}. {figure.description}")
    drawing = figure.svg
    for colour, name in _COLOURS.items():
        drawing = drawing.replace(f": {colour.lower()}", f": {name}")
    inline = opening + Markup(drawing.removeprefix("<svg "))
    return {"file_name": figure.file_name, "title": figure.title, "caption": figure.caption, "inline": inline}


def _view(
    table: Printable,
    rows_of_models: RowIds,
    report_dir: Path,
    mode: str = "",
    study: str = "",
    *,
    is_of_models: bool = False,
) -> dict[str, Any]:
    """A table as the template shows it; of `Table` it knows the plain values, too.

    Args:
        mode, study: whose models the rows are of; a row that has a ``study`` of its own is of that one.
        is_of_models: whether its rows are those that a model's name leads to.
    """

    rows = table.rows if isinstance(table, Table) else [{} for _ in table.cells]
    keys = [column.key for column in table.columns] if isinstance(table, Table) else [""] * len(table.headings)

    is_long = isinstance(table, Table) and (table.is_long or (len(rows) > FOLDED_ROWS and not is_of_models))
    # Only what is folded is cut: of the first table every row is one that a model's name leads to.
    shown = evenly([row.get("model") for row in rows], PAGE_ROWS) if is_long else list(range(len(rows)))

    def row_view(row: Row, texts: Sequence[str]) -> dict[str, Any]:
        links = _run_links(row, report_dir)

        def row_id(key: str) -> str:
            return rows_of_models.get((mode, row.get("study", study), str(row.get(key))), "")

        targets = ["" if is_of_models or key not in _MODEL_KEYS else row_id(key) for key in keys]
        return {
            "id": row_id("model") if is_of_models else "",
            "mark": row.get("status", "complete") != "complete" or row.get("mode") == "quick",
            "cells": [_cell(text, row.get(key), to) for text, key, to in zip(texts, keys, targets, strict=True)],
            "runs": links,
            "more_runs": len(row.get("runs", {})) - len(links),
        }

    return {
        "id": f"table-{table.file_name}",
        "file_name": table.file_name,
        "title": table.title,
        "headings": table.headings,
        "left": table.left,
        "notes": table.notes,
        "is_long": is_long,
        "excerpt": _excerpt(rows, len(shown)),
        "has_runs": any("runs" in row for row in rows),
        "rows": [row_view(rows[place], table.cells[place]) for place in shown],
    }


def _excerpt(rows: Sequence[Row], shown: int) -> str:
    """How much of a table is shown, in words; nothing where it is all of it."""
    if shown == len(rows):
        return ""
    return f"{shown} of {len(rows):,} rows" + (", evenly over the models" if "model" in rows[0] else "")


def _run_links(row: Row, report_dir: Path) -> list[dict[str, str]]:
    """Links to a row's results, of many to the first."""
    folders = row.get("runs", {})
    few = len(folders) if len(folders) <= NAMES else FEW_NAMES
    return [
        {"text": f"seed {seed}", "title": folder.name, "href": _link(folder, report_dir)}
        for seed, folder in islice(folders.items(), few)
    ]


def _cell(text: str, value: Any, target: str) -> dict[str, Any]:
    """A cell with what it is sorted by; a model's name leads to the row with its results, where there is one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"text": text, "value": value if is_number else None, "href": f"#{target}" if target else ""}


def _claims(judged: JudgedClaims) -> dict[str, Any]:
    """The claims, each with the judgements side by side."""
    sides = [judged.published, *judged.measured.values()]
    names = list(judged.measured)
    rows = []
    for judgements in zip(*sides, strict=True):
        claim = judgements[0].claim
        statements = [
            {"text": findings[0].statement, "findings": findings}
            for findings in zip(*(judgement.findings for judgement in judgements), strict=True)
        ]
        rows.append(
            {
                "name": claim.name,
                "text": claim.text,
                "audit": claim.audit,
                "verdicts": [judgement.verdict for judgement in judgements],
                "statements": statements,
            }
        )
    headings = ["measured"] if len(names) == 1 else [f"measured in {name}" for name in names]
    return {"headings": headings, "rows": rows, "notes": claims_table(judged).notes}


def _commands(results: Sequence[Result]) -> list[str]:
    """Every command that trained something, with how many trainings are its."""
    counts = Counter(attempt.command for result in results for attempt in result.attempts if attempt.command)
    told = [f"{command}    # {several(number, 'training')}" for command, number in counts.most_common()]
    return first(told, "# the CSV tables of runs have each training's")


def _environments(results: Sequence[Result]) -> list[str]:
    """Everything that results were trained on, in words."""
    counts = Counter(_environment(one) for result in results for one in result.training_environments)
    told = [f"{words} ({several(number, 'training')})" for words, number in counts.most_common()]
    return first(told, "each result.json has its own")


def _environment(environment: Any) -> str:
    versions = environment.get("versions") or {}
    commit = environment.get("commit")
    parts = [
        str(environment.get("node") or ""),
        timed_on(environment),
        f"{environment.get('precision')}",
        f"Python {environment.get('python')}",
        *(f"{name} {version}" for name, version in versions.items() if version and name != "torch"),
        str(environment.get("platform")),
        f"commit {commit[:12]}{'+' if commit.endswith('+') else ''}" if commit else "",
        f"training code {environment.get('training_code')}",
    ]
    return " · ".join(part for part in parts if part)
