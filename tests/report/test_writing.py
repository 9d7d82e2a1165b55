from dataclasses import replace
from pathlib import Path

import pandas as pd

from harness.report.figures.figure import INK
from harness.report.tables.table import Column, Table
from harness.report.writing import write_figure, write_tables, write_text
from tests.report.figures.sample import draw_sample

ROWS = (
    {"model": "resnet20", "params": 269_722, "extra": 1.5, "runs": {0: Path("r/a"), 1: Path("r/b")}},
    {"model": "resnet56", "params": None, "extra": None, "runs": {}},
)
TABLE = Table("name", "title", (Column("model", "model", is_words=True), Column("params", "params")), ROWS)


def test_csv_has_every_plain_value_and_the_result_folders(tmp_path):
    written = write_tables([TABLE], tmp_path / "tables")
    assert [path.name for path in written] == ["name.csv", "name.md", "name.tex"]
    frame = pd.read_csv(written[0])
    assert frame.loc[0].tolist() == ["resnet20", 269_722, 1.5, "a b"]
    assert frame.loc[1, ["params", "extra", "runs"]].isna().all()


def test_tables_of_one_name_share_files(tmp_path):
    csv, markdown, latex = write_tables([TABLE, replace(TABLE, title="again")], tmp_path)
    assert pd.read_csv(csv)["model"].tolist() == ["resnet20", "resnet56"] * 2
    assert [line for line in markdown.read_text().splitlines() if line.startswith("#")] == ["# title", "# again"]
    assert latex.read_text().count(r"\end{table}") == 2
    assert latex.read_text().count(r"\documentclass") == 1


def test_no_tables_make_no_folder(tmp_path):
    assert write_tables([], tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_figure_files_are_an_svg_in_black_and_a_png(tmp_path):
    figure = draw_sample()
    svg, png = write_figure(figure, tmp_path)
    assert INK in figure.svg
    assert INK not in svg.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")


def test_text_that_utf8_lacks_is_escaped(tmp_path):
    write_text(tmp_path / "new" / "text", "a\udcffb")
    assert (tmp_path / "new" / "text").read_bytes() == rb"a\udcffb"
