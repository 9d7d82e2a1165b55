from pathlib import Path

import pandas as pd

from harness.report.tables.table import Column, Table, write_table

ROWS = (
    {"model": "resnet20", "params": 269_722, "extra": 1.5, "runs": {0: Path("r/a"), 1: Path("r/b")}},
    {"model": "resnet56", "params": None, "extra": None, "runs": {}},
)
TABLE = Table(
    "name",
    "title",
    (Column("model", "model", is_words=True), Column("params", "params", lambda row: f"{row['params'] / 1000:.0f}k")),
    ROWS,
)


def test_cells_are_words_and_what_is_not_known_is_empty():
    assert TABLE.headings == ["model", "params"]
    assert TABLE.cells == [["resnet20", "270k"], ["resnet56", ""]]
    assert TABLE.left == [True, False]
    assert Column("a", "a", "{:.2f}").cell({}) == ""


def test_the_csv_has_every_plain_value_and_the_result_folders(tmp_path):
    written = write_table(TABLE, tmp_path / "tables")
    assert [path.name for path in written] == ["name.csv", "name.md", "name.tex"]
    frame = pd.read_csv(written[0])
    assert frame.loc[0].tolist() == ["resnet20", 269_722, 1.5, f"{Path('r/a')} {Path('r/b')}"]
    assert frame.loc[1, ["params", "extra", "runs"]].isna().all()
