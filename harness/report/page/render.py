"""The page: one HTML file that needs no network."""

from collections import Counter
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.report.figures.figure import INK, Figure
from harness.report.figures.style import BLUE, PURPLE, VERMILLION
from harness.report.loading import LEFT_OUT
from harness.report.page.claims import claims_view
from harness.report.page.content import Content, StudyPage
from harness.report.page.provenance import training_commands, training_environments
from harness.report.page.tables import RowIds, row_ids, table_view
from harness.report.truncation import MAX_LINES, MAX_PAGE_ROWS, first_lines
from harness.text import count_noun

# Colours of inline figures; they differ between light and dark mode.
_COLOURS = {INK: "currentColor", BLUE: "var(--depth)", VERMILLION: "var(--width)", PURPLE: "var(--other)"}
_MODE_BADGES = {"full": "", "shortened": "shortened: not the recipe's own epochs", "quick": "smoke"}


def render_page(content: Content, report_dir: Path) -> str:
    """Return the page as HTML; its links to result files are relative to the report folder."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report.page", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    style, script = (Markup((Path(__file__).parent / f"page.{kind}").read_text("utf-8")) for kind in ("css", "js"))
    page = _page(content, report_dir)
    return environment.get_template("page.html").render(page=page, css=style, js=script)


def _page(content: Content, report_dir: Path) -> dict[str, Any]:
    """Return everything that the template asks for."""
    found = [study.evidence for study in content.studies]
    results = [result for one in (*found, *(one for one, _ in content.smoke)) for result in one.results]
    ids = row_ids(found)
    return {
        "subject": ", ".join(one.title for one in found),
        "lead": _lead(content.studies),
        "warnings": _warnings(content),
        "studies": [_study(study, ids, report_dir) for study in content.studies],
        "claims": None if content.claims is None else claims_view(content.claims),
        "sides": [table_view(table, ids, report_dir, one.mode) for one, table in content.sides],
        "throughput": [table_view(table, {}, report_dir) for table in content.throughput],
        "smoke": [table_view(table, {}, report_dir) for _, table in content.smoke],
        "command": content.command,
        "commands": training_commands(results),
        "environments": training_environments(results),
        "problems": first_lines(content.problems, "all of them are in the table"),
        "left_out": LEFT_OUT if len(content.problems) > MAX_LINES else "",
        "folders": ", ".join(map(str, content.folders)),
        "made_at": content.made_at,
        "version": metadata.version("wider-or-deeper"),
    }


def _lead(studies: Sequence[StudyPage]) -> str:
    if not studies:
        return "There are no measurements yet that could answer the question."
    runs = sum(len(study.evidence.runs) for study in studies)
    many = "1 study" if len(studies) == 1 else f"{len(studies)} studies"
    return (
        f"Results of {count_noun(runs, 'completed training')} in {many}: which choice pays, by how much, and how "
        "certain that is."
    )


def _warnings(content: Content) -> list[dict[str, str]]:
    """Return the warnings that readers must see before any number."""
    warnings = []
    incomplete = [result for study in content.studies for result in study.evidence.incomplete]
    if incomplete:
        counts = Counter(result.status.replace("_", " ") for result in incomplete)
        by_status = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        is_cut = any(len(study.evidence.results) > MAX_PAGE_ROWS for study in content.studies)
        where = "listed in the CSV tables of runs (status, cause)" if is_cut else "marked in the tables of runs"
        text = f"{by_status}. They are {where} and excluded from every mean."
        warnings.append({"title": "Not every training completed:", "text": text})
    if content.smoke and not content.studies:
        text = "Train with --full-training to get an answer."
        warnings.append({"title": "Only smoke runs are here, and they measure nothing.", "text": text})
    return warnings


def _study(study: StudyPage, ids: RowIds, report_dir: Path) -> dict[str, Any]:
    evidence = study.evidence
    about = [
        count_noun(len(evidence.models), "model"),
        count_noun(len(evidence.seeds), "seed"),
        count_noun(evidence.epochs, "epoch"),
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
            table_view(table, ids, report_dir, evidence.mode, evidence.title, is_of_models=place == 0)
            for place, table in enumerate(study.tables)
        ],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    """Return a figure, inline and in the page's colours, with its description for screen readers."""
    opening = Markup('<svg role="img" aria-label="{}" ').format(f"{figure.title}. {figure.description}")
    drawing = figure.svg
    for colour, name in _COLOURS.items():
        drawing = drawing.replace(f": {colour.lower()}", f": {name}")
    inline = opening + Markup(drawing.removeprefix("<svg "))
    return {"file_name": figure.file_name, "title": figure.title, "caption": figure.caption, "inline": inline}
