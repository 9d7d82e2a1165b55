"""The page: one HTML file that needs no network."""

import base64
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.report.figures.figure import INK, Figure
from harness.report.figures.style import BLUE, PURPLE, VERMILLION
from harness.report.loading import LEFT_OUT
from harness.report.page.card import card_view
from harness.report.page.claims import claims_view
from harness.report.page.content import Content, StudyPage
from harness.report.page.folds import ON_CARD, folds_of
from harness.report.page.key import key_view
from harness.report.page.names import keep_names_whole
from harness.report.page.plot import plot_key, plot_views
from harness.report.page.provenance import training_commands, training_environments
from harness.report.page.tables import RowIds, csv_link, row_ids, table_view
from harness.report.section import Picture, Section
from harness.report.tables.claims import CLAIMS
from harness.report.tables.table import Table
from harness.report.truncation import MAX_LINES, first_lines
from harness.report.writing import TABLES
from harness.text import count_noun, printable_lines

# Colours of inline figures; they differ between light and dark mode.
_COLOURS = {INK: "currentColor", BLUE: "var(--depth)", VERMILLION: "var(--width)", PURPLE: "var(--other)"}
TableView = Callable[..., dict[str, Any]]
"""A function from a table, its mode and its study to the table as the template shows it."""
_MODE_BADGES = {"full": "", "shortened": "shortened: not the recipe's own epochs", "quick": "smoke"}


def render_page(content: Content, report_dir: Path) -> str:
    """Return the page as HTML, with the CSV files in the report folder as data links.

    Nothing on it leads to another file, so that it can be moved alone.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report.page", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    style, script = (Markup((Path(__file__).parent / f"page.{kind}").read_text("utf-8")) for kind in ("css", "js"))
    page = _page(content, report_dir / TABLES)
    html = environment.get_template("page.html").render(page=page, css=style, js=script)
    return printable_lines(keep_names_whole(html))


def _page(content: Content, tables: Path) -> dict[str, Any]:
    """Return everything that the template asks for; ``tables`` is the folder of the tables' files."""
    found = [study.evidence for study in content.studies]
    results = [result for one in (*found, *(one for one, _ in content.smoke)) for result in one.results]
    studies = [(one.evidence.file_name, table) for one in content.studies for table in one.tables]
    of_runs = [table for file_name, table in studies if table.file_name == file_name]
    ids = row_ids(found, [*of_runs, *(table for _, table in content.smoke)])

    def view(table: Table, mode: str = "", study: str = "", *, is_of_models: bool = False) -> dict[str, Any]:
        csv = csv_link(tables / f"{table.file_name}.csv")
        return table_view(table, ids, csv, mode, study, is_of_models=is_of_models)

    return {
        "subject": ", ".join(one.title for one in found),
        "lead": _lead(content.studies),
        "warnings": _warnings(content),
        "studies": [_study(study, ids, view, names_folders=not content.is_public) for study in content.studies],
        "key": key_view(found),
        "claims": None if content.claims is None else claims_view(content.claims),
        "claims_csv": "" if content.claims is None else csv_link(tables / f"{CLAIMS}.csv"),
        "sides": [view(table, one.mode) for one, table in content.sides],
        "sections": [_fold(section, view) for section in content.sections],
        "throughput": [view(table) for table in content.throughput],
        "gradients": [_figure(figure) for figure in content.gradients],
        "gradient_tables": [view(table) for table in content.gradient_tables],
        "smoke": [view(table) for _, table in content.smoke],
        "command": content.command,
        "commands": training_commands(results),
        "environments": training_environments(results),
        "problems": first_lines(content.problems, "all of them are in the table"),
        "left_out": LEFT_OUT if len(content.problems) > MAX_LINES else "",
        "left_out_csv": csv_link(tables / f"{LEFT_OUT}.csv") if len(content.problems) > MAX_LINES else "",
        "folders": ", ".join(content.folders),
        "is_public": content.is_public,
        "made_at": content.made_at,
        "version": metadata.version("wider-or-deeper"),
    }


def _lead(studies: Sequence[StudyPage]) -> str:
    if not studies:
        return "There are no measurements yet that could answer the question."
    if len(studies) == 1:
        return ""  # the answer itself comes first
    runs = len({id(run.result) for study in studies for run in study.evidence.runs})  # one may be in two studies
    return f"{len(studies)} studies, {count_noun(runs, 'completed training')}."


def _warnings(content: Content) -> list[dict[str, str]]:
    """Return the warnings that readers must see before any number."""
    if content.smoke and not content.studies:
        text = "Train with --full-training to get an answer."
        return [{"title": "Only smoke runs are here, and they measure nothing.", "text": text}]
    return []


def _study(study: StudyPage, ids: RowIds, view: TableView, *, names_folders: bool) -> dict[str, Any]:
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
        "card": card_view(study, names_folders=names_folders),
        "plots": plot_views(study, ids),
        "plot_key": plot_key(evidence),
        "plot_file": next((one.file_name for one in study.figures if one.file_name.endswith(ON_CARD)), ""),
        "folds": [_fold(fold, view, study) for fold in folds_of(study)],
    }


def _fold(fold: Section, view: TableView, study: StudyPage | None = None) -> dict[str, Any]:
    mode, title = ("", "") if study is None else (study.evidence.mode, study.evidence.title)
    of_models = None if study is None else study.tables[0]
    return {
        "title": fold.title,
        "sentences": fold.sentences,
        "pictures": [_picture(picture) for picture in fold.pictures],
        "figures": [_figure(figure) for figure in fold.figures],
        "tables": [view(table, mode, title, is_of_models=table is of_models) for table in fold.tables],
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        "source": f"data:image/png;base64,{base64.b64encode(picture.png).decode()}",
        "position": picture.position,
        "truth": picture.truth,
        "answers": picture.answers,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    """Return a figure, inline and in the page's colours, with its description for screen readers."""
    opening = Markup('<svg role="img" aria-label="{}" ').format(f"{figure.title}. {figure.description}")
    drawing = figure.svg
    for colour, name in _COLOURS.items():
        drawing = drawing.replace(f": {colour.lower()}", f": {name}")
    inline = opening + Markup(drawing.removeprefix("<svg "))
    return {"file_name": figure.file_name, "title": figure.title, "caption": figure.caption, "inline": inline}
