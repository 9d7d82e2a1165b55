"""A CSV of paths and labels as the user's own dataset."""

import pytest
import torch

from harness.data import registry
from harness.errors import InputError
from tests.data.builders import encode, noise, write, write_class_folders


def write_images(root, *names):
    for seed, name in enumerate(names):
        write(root / name, encode(noise(4, seed=seed)))
    return root


def write_table(path, *lines, end="\n", encoding="utf-8"):
    return write(path, (end.join(lines) + end).encode(encoding))


def split_rows(train, test, delimiter=","):
    """Lines of a table with a column of splits, an image for each label."""
    rows = [("train", *one) for one in enumerate(train)] + [("test", *one) for one in enumerate(test)]
    lines = [delimiter.join([f"{split}{number}.png", label, split]) for split, number, label in rows]
    return [delimiter.join(["path", "label", "split"]), *lines]


@pytest.fixture
def images(tmp_path):
    """A folder with images train0.png to train3.png, and test0.png and test1.png."""
    return write_images(tmp_path, *(f"train{k}.png" for k in range(4)), "test0.png", "test1.png")


def load(path):
    registry.forget_loaded()
    return registry.load(f"csv:{path}", path)


def error_of(path):
    with pytest.raises(InputError) as refusal:
        registry.get_spec(f"csv:{path}")
    return str(refusal.value)


# --- one file


def test_a_column_of_splits_says_which_images_are_for_training(images):
    table = write_table(images / "labels.csv", *split_rows(["dog", "cat", "cat", "dog"], ["cat", "dog"]))
    dataset = load(table)
    assert dataset.spec.class_names == ("cat", "dog")
    assert dataset.train.labels.tolist() == [1, 0, 0, 1]
    assert dataset.test.labels.tolist() == [0, 1]
    assert torch.equal(dataset.test.pixels[1], torch.from_numpy(noise(4, seed=5)).permute(2, 0, 1))
    assert dataset.origin == f"table of paths and labels in {table}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_line_ends_and_byte_order_mark_do_not_count(images, delimiter, encoding, end):
    lines = split_rows(["é", "ö, 1", "é", "é"], ["é", "ö, 1"], delimiter)
    quoted = [line.replace("ö, 1", '"ö, 1"') for line in lines]
    table = write_table(images / "labels.txt", *quoted, "", end=end, encoding=encoding)
    assert registry.get_spec(f"csv:{table}").class_names == ("é", "ö, 1")


@pytest.mark.parametrize("path", ["path", "file", "filename", "image", "filepath", "Image Path", "file_name", "IMG"])
@pytest.mark.parametrize("label", ["label", "class", "target", "category", "ClassId"])
def test_columns_are_known_by_their_usual_names(images, path, label):
    lines = ["x,1,train0.png", "x,2,train1.png", "x,1,train2.png", "x,2,train3.png"]
    table = write_table(images / "labels.csv", f"note,{label},{path}", *lines)
    assert registry.get_spec(f"csv:{table}").train_images == 2


def test_numbers_are_sorted_as_numbers(images):
    table = write_table(images / "labels.csv", *split_rows(["10", "9", "10", "9"], ["9", "10"]))
    assert registry.get_spec(f"csv:{table}").class_names == ("9", "10")


def test_images_are_held_out_of_each_class_without_splits(images):
    table = write_table(images / "labels.csv", "path,label", *(f"train{k}.png,{'ab'[k % 2]}" for k in range(4)))
    dataset = load(table)
    assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1], [0, 1])
    assert dataset.origin == f"table of paths and labels (20 % held out as the test images, seed 0) in {table}"


@pytest.mark.parametrize(
    ("splits", "note"),
    [(("Train", "Validation"), " (val as the test images)"), (("training", "testing", "val"), " (val is not used)")],
)
def test_rows_of_val_are_the_test_images_if_none_are_of_test(images, splits, note):
    lines = [
        f"{name}{k}.png,{k},{split}" for name, split in zip(("train", "test"), splits, strict=False) for k in (0, 1)
    ]
    unused = [f"train2.png,0,{split}" for split in splits[2:]]
    table = write_table(images / "labels.csv", "path,label,split", *lines, *unused)
    source = registry.locate(f"csv:{table}", images)
    assert (source.layout, source.count()) == (f"table of paths and labels{note}", (2, 2))


def test_paths_are_relative_to_the_table_and_may_be_from_windows(tmp_path):
    write_images(tmp_path, *(f"tables/img/{name}.png" for name in "abcd"))
    rows = ["img\\a.png,x", f"{tmp_path}/tables/img/b.png,x", "./img/c.png,y", "../tables/img/d.png,y"]
    table = write_table(tmp_path / "tables/labels.csv", "path,label", *rows)
    assert len(load(table).train) == 2


def test_the_same_table_in_two_places_has_one_fingerprint(tmp_path):
    for place in ("here", "there/deeper"):
        write_images(tmp_path / place, *(f"train{k}.png" for k in range(4)))
        write_table(tmp_path / place / "labels.csv", "path,label", *(f"train{k}.png,{k % 2}" for k in range(4)))
    one, other = (load(tmp_path / place / "labels.csv").fingerprint for place in ("here", "there/deeper"))
    assert one == other


# --- a folder of tables


@pytest.mark.parametrize(
    ("train", "test", "note"),
    [
        ("train.csv", "test.csv", ""),
        ("Train.csv", "Test.csv", ""),
        ("train.tsv", "val.csv", " (val as the test images)"),
    ],
)
def test_a_folder_may_have_a_table_for_each_split(images, train, test, note):
    write_table(images / train, "path,label", "train0.png,x", "train1.png,y")
    write_table(images / test, "file;class", "test0.png;x", "test1.png;y")
    source = registry.locate(f"csv:{images}", images)
    assert (source.layout, source.count()) == (f"table of paths and labels{note}", (2, 2))


def test_a_folder_without_both_tables_names_the_one_to_give(tmp_path):
    assert error_of(tmp_path) == (
        f"{tmp_path} has no train.csv and test.csv: give csv:PATH, a CSV with the columns path and label"
    )
    (write_table(tmp_path / "labels.csv", "path,label")).rename(tmp_path / "train.csv")
    assert error_of(tmp_path) == (
        f"{tmp_path} has no test.csv or val.csv: add it, or give csv:{tmp_path}/train.csv to hold out test images"
    )


def test_a_table_of_a_folder_with_a_column_of_splits_is_refused(images):
    write_table(images / "train.csv", *split_rows("xy", "xy"))
    write_table(images / "test.csv", "path,label", "test0.png,x")
    assert error_of(images) == (
        f"{images}/train.csv has a column of splits: give csv:{images}/train.csv, or remove the column"
    )


# --- faults


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["a,b"], "has no column of paths: call it path, file, filename, image or filepath; its first line"),
        (["path,x"], "has no column of labels: call it label, class, target or category; its first line is 'path,x'"),
        (["path,class,label"], "has several columns of labels, 'class' and 'label': keep one"),
        (["path,label"], "has no rows below its header: give a line for each image"),
        (["path,label", "train0.png,x", "train1.png,x"], "has one class, 'x': add images of at least one more"),
        ([""], "has no column of paths"),
    ],
)  # fmt: skip
def test_a_table_without_what_it_needs_is_named(images, lines, says):
    table = write_table(images / "labels.csv", *lines)
    assert error_of(table).startswith(f"{table} {says}")


def test_missing_images_are_named_together_with_their_lines(images):
    rows = ["train0.png,x", "no.png,x", "train1.png,y", "train2.png,y", *(f"lost/{k}.png,x" for k in range(4))]
    table = write_table(images / "labels.csv", "path,label", *rows)
    assert error_of(table) == (
        f"{table}: 5 missing images: no.png (line 3), lost/0.png (line 6), lost/1.png (line 7) and 2 more images: "
        "paths are relative to the CSV's folder"
    )


def test_an_image_listed_twice_is_named_with_both_lines(images):
    write_table(images / "train.csv", "path,label", "train0.png,x", "train1.png,y")
    write_table(images / "test.csv", "path,label", "test0.png,x", "./train1.png,y")
    assert error_of(images) == (
        f"{images}: 1 image listed twice: ./train1.png (train.csv line 3 and test.csv line 3): keep one line of each"
    )


def test_rows_without_a_label_or_a_path_are_named_with_their_lines(images):
    table = write_table(images / "labels.csv", "path,label", "train0.png,", ",x", "train1.png, ", "train2.png,x")
    assert error_of(table).splitlines() == [
        "2 faults:",
        f"  {table}: no path in line 3: add it, or remove the row",
        f"  {table}: no label in line 2 and line 4: add it, or remove the row",
    ]


def test_a_test_label_that_no_training_image_has_is_named_with_its_line(images):
    table = write_table(images / "labels.csv", *split_rows("xyxy", ["x", "wolf"]))
    assert error_of(table) == (
        f"{table}: labels of test images that no training image has: 'wolf' (line 7): the classes are 'x' and 'y'"
    )


def test_a_class_without_test_images_is_named(images):
    table = write_table(images / "labels.csv", *split_rows("xyxy", "xx"))
    assert error_of(table) == f"{table} has no test image of 'y': every class needs at least one"


def test_an_unknown_split_is_named_with_its_line(images):
    table = write_table(images / "labels.csv", "path,label,split", "train0.png,x,train", "train1.png,y,fold 2")
    assert error_of(table) == f"{table}: unknown splits: 'fold 2' (line 3): give train, test or val"


def test_a_table_of_training_images_alone_says_what_it_lacks(images):
    table = write_table(images / "labels.csv", *split_rows("xyxy", ""))
    assert error_of(table) == (
        f"{table}: no row has the split test or val; without its column of splits, images are held out"
    )


def test_rows_of_other_fields_than_the_header_are_named(images):
    table = write_table(images / "labels.csv", "path,label", "train0.png,a, b", "train1.png", "train2.png,a,")
    assert error_of(table) == (
        f"{table}: line 2 and line 3 without the header's 2 fields: quote a value that has ',' in it"
    )


@pytest.mark.parametrize("content", [encode(noise(8)), "path,label\na,é\n".encode("utf-16"), b"path,label\n\xe9,1\n"])
def test_a_file_that_is_not_utf8_is_named(tmp_path, content):
    path = write(tmp_path / "labels.csv", content)
    assert error_of(path) == f"{path} is not a text in UTF-8: save it as CSV in UTF-8"


def test_an_absent_table_and_a_folder_of_classes_say_what_to_give(tmp_path):
    expected = f"{tmp_path}/no.csv does not exist: give csv:PATH, a CSV with the columns path and label"
    assert error_of(tmp_path / "no.csv") == expected
    assert "has no train.csv and test.csv" in error_of(write_class_folders(tmp_path))


def test_damaged_images_of_a_table_are_found_by_check(images):
    write(images / "test1.png", "damaged")
    table = write_table(images / "labels.csv", *split_rows("xyxy", "xy"))
    source = registry.locate(f"csv:{table}", images)
    with pytest.raises(InputError, match=r"unreadable image .*test1\.png"):
        source.check()


def test_the_key_of_a_table_changes_with_the_table_and_its_images(images):
    table = write_table(images / "labels.csv", *split_rows("xyxy", "xy"))
    keys = [registry.locate(f"csv:{table}", images).key()]
    write_table(table, *split_rows("yxyx", "xy"))
    keys.append(registry.locate(f"csv:{table}", images).key())
    write(images / "test1.png", encode(noise(5)))
    keys.append(registry.locate(f"csv:{table}", images).key())
    assert len(set(keys)) == 3
