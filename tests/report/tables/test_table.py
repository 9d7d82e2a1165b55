from pathlib import Path

import pandas as pd
import pytest

from harness.report.tables.table import Column, Table

ROWS = (
    {"model": "resnet20", "params": 269_722, "extra": 1.5, "runs": {0: Path("r/a"), 1: Path("r/b")}},
    {"model": "resnet56", "params": None, "extra": None, "runs": {}},
)
WORDS, NUMBERS = (
    Column("model", "model", is_words=True),
    Column("params", "params", lambda row: f"{row['params'] / 1000:.0f}k"),
)
TABLE = Table("name", "title", (WORDS, NUMBERS), ROWS)


def test_cells_are_formatted_and_empty_for_none():
    assert TABLE.headings == ["model", "params"]
    assert TABLE.cells == [["resnet20", "270k"], ["resnet56", ""]]
    assert Column("a", "a", "{:.2f}").cell({}) == ""
    assert Column("a", "a", "{:.2f}").cell({"a": 1.005}) == "1.00"


@pytest.mark.parametrize(
    ("columns", "expected"), [((), 0), ((NUMBERS, WORDS), 0), ((WORDS, NUMBERS, WORDS), 1), ((WORDS, WORDS), 2)]
)
def test_left_columns_are_the_leading_words(columns, expected):
    assert Table("name", "title", columns, ()).left_columns == expected


def test_frame_has_plain_values_and_names_of_result_folders():
    assert TABLE.frame.loc[0].tolist() == ["resnet20", 269_722, 1.5, "a b"]
    assert TABLE.frame.loc[1, "runs"] == ""


def test_frame_has_a_row_per_element_of_a_series():
    table = Table(
        "name", "title", (), ({"axis": "width", "x": (1, 2), "seconds": (0.5, 1.0)}, {"axis": "depth", "x": (3,)})
    )
    assert table.frame["axis"].tolist() == ["width", "width", "depth"]
    assert table.frame["x"].tolist() == [1, 2, 3]
    assert table.frame["seconds"].tolist()[:2] == [0.5, 1.0]
    assert pd.isna(table.frame["seconds"].iloc[2])


def test_series_of_different_lengths_in_one_row_raise_an_error():
    with pytest.raises(ValueError, match="too many values"):
        _ = Table("name", "title", (), ({"x": (1, 2), "y": (1,)},)).frame
