import pytest

from harness.data.formats.hugging_face_columns import class_names, image_column, is_labelled, label_column, named_labels
from harness.errors import InputError
from tests.data.formats.hugging_face_files import pictures, table

datasets = pytest.importorskip("datasets")
VALUE, CLASSES = datasets.Value, datasets.ClassLabel(names=["x", "y"])


def test_columns_are_found_by_their_types():
    rows = table(images="picture_of_it", column="species", label=(VALUE("int64"), (5, 6)))
    assert image_column(datasets, "hf:x", rows) == "picture_of_it"
    assert label_column("hf:x", rows) == "species"


def test_fine_labels_are_preferred_to_coarse_ones():
    rows = table(column="coarse_label", fine_label=(CLASSES, (0, 1)))
    assert label_column("hf:x", rows) == "fine_label"


@pytest.mark.parametrize(("labels", "expected"), [((10, 9), ("9", "10")), (("oak", "ash"), ("ash", "oak"))])
def test_plain_labels_are_found_by_name_and_sorted(labels, expected):
    rows = table(labels, names=None, column="labels", number=(VALUE("int64"), (1, 2)))
    column = label_column("hf:x", rows)
    found = named_labels("hf:x", rows, column)
    assert (column, found) == ("labels", [*map(str, labels)])
    assert class_names("hf:x", rows, column, found) == expected


def test_named_classes_keep_the_order_of_their_labels():
    rows = table((0, 1), names=("zebra", "ant"))
    assert class_names("hf:x", rows, "label", ["zebra", "ant"]) == ("zebra", "ant")


def test_ambiguous_columns_are_listed():
    rows = table(column="kind", colour=(CLASSES, (0, 1)), size=(VALUE("float32"), (1.0, 2.0)))
    with pytest.raises(InputError) as refusal:
        label_column("hf:x", rows)
    assert str(refusal.value).splitlines() == [
        "dataset hf:x has several columns of labels, kind and colour: name it 'label'",
        "its columns are image (Image), kind (ClassLabel), colour (ClassLabel), size (float32)",
    ]


def test_several_columns_of_images_are_listed():
    rows = table(images="before", after=(datasets.Image(), pictures(2)))
    with pytest.raises(InputError, match="several columns of images, before and after"):
        image_column(datasets, "hf:x", rows)


def test_a_table_without_labels_is_refused():
    rows = table().remove_columns("label")
    with pytest.raises(InputError, match="has no column of labels"):
        label_column("hf:x", rows)


@pytest.mark.parametrize(("labels", "expected"), [((0, 1), True), ((-1, -1), False), ((None, None), False)])
def test_hidden_labels_are_no_labels(labels, expected):
    rows = table((0, 1)).map(lambda _, at: {"label": labels[at]}, with_indices=True)
    assert is_labelled(rows, "label") is expected
    assert not is_labelled(rows, "absent")


def test_an_image_without_a_label_is_refused():
    rows = table((0, 1)).map(lambda _, at: {"label": None if at else 0}, with_indices=True)
    with pytest.raises(InputError, match="column 'label' has images without a label"):
        named_labels("hf:x", rows, "label")
