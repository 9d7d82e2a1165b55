import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.data.formats import gtsrb
from harness.data.formats.gtsrb_labels import read_rows
from harness.errors import InputError
from tests.data.builders import (
    GTSRB_TEST_LABELS,
    GTSRB_TRAIN,
    anything,
    write,
)
from tests.data.formats.gtsrb_layouts import LAYOUTS, OFFICIAL_CSV

COLUMNS = ("Filename", "ClassId")


def rows_of(text, delimiter=";"):
    return [tuple(row[c] for c in COLUMNS) for row in read_rows(text, "GT.csv", COLUMNS, delimiter)]


def test_rows_are_read_in_any_order_of_columns_and_line_ends():
    assert rows_of("ClassId;Width;Filename\r\n7;9;a.ppm\r\n42;9;b.ppm\r\n") == [("a.ppm", "7"), ("b.ppm", "42")]
    assert rows_of("Filename,ClassId\na.png,0", ",") == [("a.png", "0")]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named_with_the_file(column):
    with pytest.raises(InputError, match=rf"GT\.csv lacks column '{column}'"):
        rows_of("Filename;Width;ClassId\nx;1;1\n".replace(column, "Other"))


def test_a_wrong_separator_is_an_error_with_the_right_one():
    with pytest.raises(
        InputError, match=r"GT\.csv lacks column 'Filename': it needs Filename, ClassId, separated by ';'"
    ):
        rows_of("Filename,ClassId\nx,1\n")


@pytest.mark.parametrize("label", ["43", "-1", "", "1.0", "x", "²", "٣", " ", "9" * 5000])
def test_a_label_out_of_range_names_the_file_and_the_line(label):
    with pytest.raises(InputError, match=r"GT\.csv, line 3: label .* is out of range 0 to 42"):
        rows_of(f"Filename;ClassId\na;0\nb;{label}\n")


def test_a_short_row_names_the_file_and_the_line():
    with pytest.raises(InputError, match=r"GT\.csv, line 4: the row is too short"):
        rows_of("Filename;Width;ClassId\na;1;1\nb;1;1\nc;1\n")


@pytest.mark.parametrize("text", ["", "\n", "Filename;ClassId", "Filename;ClassId\r\n\r\n"])
def test_a_file_without_rows_is_refused(text):
    with pytest.raises(InputError, match=r"GT\.csv"):
        rows_of(text)


@anything
@given(st.text(st.sampled_from('ab01;,"\r\n\0 ²') | st.characters(), max_size=60), st.booleans())
@example("Filename;ClassId\rx;1\r", False)
@example('"' + "a" * 140_000, False)
@example('"' + "a" * 140_000, True)
def test_any_text_is_rows_with_labels_or_an_input_error(text, with_header):
    try:
        rows = rows_of(f"Filename;ClassId\n{text}" if with_header else text)
    except InputError as refusal:
        assert str(refusal).startswith("GT.csv")
    else:
        assert all(0 <= int(label) <= 42 for _, label in rows)


for_every_label_file = pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("official folders", OFFICIAL_CSV),
        ("official folders", "GT-final_test.csv"),
        ("Kaggle", "Train.csv"),
        ("Kaggle", "Test.csv"),
    ],
)


def append_row(path, label, image):
    """Append a row and return its line number."""
    row = (
        f"9,9,1,1,8,8,{label},{image}\n"
        if path.parent.joinpath("Train.csv").exists()
        else f"{image};9;9;1;1;8;8;{label}\n"
    )
    with path.open("a") as file:
        file.write(row)
    return len(path.read_text().splitlines())


@for_every_label_file
def test_a_missing_label_file_is_named(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    (folder / name).unlink()
    fault = f"{folder} lacks GTSRB_Final_Test_GT.zip" if name == "GT-final_test.csv" else f"{folder / name} is missing"
    with pytest.raises(InputError, match=fault):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_label_out_of_range_in_a_file_names_it_and_the_line(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    line = append_row(folder / name, 43, "x.png")
    with pytest.raises(InputError, match=f"{folder / name}, line {line}: label '43' is out of range"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_short_row_in_a_file_names_it_and_the_line(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    with (folder / name).open("a") as file:
        file.write("short\n")
    line = len((folder / name).read_text().splitlines())
    with pytest.raises(InputError, match=f"{folder / name}, line {line}: the row is too short"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_missing_column_in_a_file_names_it(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    write(folder / name, (folder / name).read_text().replace("ClassId", "Class"))
    with pytest.raises(InputError, match=f"{folder / name} lacks column 'ClassId'"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_label_file_that_is_not_text_is_named(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    write(folder / name, b"\xff\xfe\x00Filename")
    with pytest.raises(InputError, match=f"{folder / name} cannot be read"):
        gtsrb.locate(tmp_path).count()


@for_every_label_file
def test_a_label_file_may_begin_with_a_byte_order_mark(tmp_path, layout, name):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    write(folder / name, b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert gtsrb.locate(tmp_path).count() == (len(GTSRB_TRAIN), len(GTSRB_TEST_LABELS))


@for_every_label_file
@pytest.mark.parametrize("escape", ["../../secret.png", "/secret.png", "sub/../../secret.png"])
def test_a_path_out_of_the_folder_is_refused(tmp_path, layout, name, escape):
    folder = LAYOUTS[layout](tmp_path / "gtsrb")
    append_row(folder / name, 1, escape)
    with pytest.raises(InputError, match=f"{folder / name} names '{escape}', which is outside of"):
        gtsrb.locate(tmp_path).count()
