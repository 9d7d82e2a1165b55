from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.report.tables.table import Column, Table, written_value

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


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("difference_points", -1.4e-14, "0.0"),
        ("difference_points", -0.0, "0.0"),
        ("accuracy_percent", 93.62000000000001, "93.62"),
        ("accuracy_percent", 95.75504523312456, "95.75504523"),
        ("macs", 11_558_837_248.0, "11558837248.0"),
        ("params", 269_722, "269722"),
        ("compile_seconds", 3.3780997910071164e-05, "3.378099791e-05"),
        ("p_value", 1.23456789012e-15, "1.23456789e-15"),
        ("deeper_p_holm", 1.5e-300, "1.5e-300"),
        ("p_corrected", -0.0, "0.0"),
        ("compiled", False, "False"),
        ("gain", float("inf"), "inf"),
        ("x", np.float64(0.1) + np.float64(0.2), "0.3"),
    ],
)
def test_written_numbers_have_no_noise_and_no_absurd_digits(key, value, written):
    assert str(written_value(key, value)) == written
    assert Table("name", "title", (), ({key: value, "x2": None}, {key: None})).frame.loc[0, key] == float(
        written_value(key, value)
    )


def test_integers_stay_integers_beside_empty_cells():
    frame = TABLE.frame
    assert frame.to_csv(index=False).splitlines()[1:] == ["resnet20,269722,1.5,a b", "resnet56,,,"]


def test_cells_have_no_noise():
    column = Column("gain", "gain", "{:.4g}")
    assert Table("name", "title", (column,), ({"gain": -1.4e-14}, {"gain": 1.5})).cells == [["0"], ["1.5"]]


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
