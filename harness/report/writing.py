"""The report's files: each table as CSV, Markdown and LaTeX, each figure as SVG and PNG, and the page."""

from collections.abc import Sequence
from pathlib import Path

from harness.files import write_atomically, write_text_atomically
from harness.report.figures.figure import INK, Figure
from harness.report.markup import csv, latex, markdown
from harness.report.tables.table import Table

TABLES, FIGURES = "tables", "figures"


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write tables as CSV, Markdown and LaTeX and return the paths; tables of one file name share files."""
    paths = []
    for name in dict.fromkeys(table.file_name for table in tables):
        sharing = [table for table in tables if table.file_name == name]
        texts = {".csv": csv(sharing), ".md": "\n".join(map(markdown, sharing)), ".tex": latex(sharing)}
        for suffix, text in texts.items():
            paths.append(folder / f"{name}{suffix}")
            write_text(paths[-1], text)
    return paths


def write_figure(figure: Figure, folder: Path) -> list[Path]:
    """Write a figure as SVG and PNG and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    svg = figure.svg.replace(f": {INK}", ": #000000").encode()
    paths = [folder / f"{figure.file_name}{suffix}" for suffix in (".svg", ".png")]
    for path, content in zip(paths, (svg, figure.png), strict=True):
        write_atomically(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
    return paths


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, with what UTF-8 lacks as escapes: a folder's name need not be UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, text.encode("utf-8", "backslashreplace").decode())
