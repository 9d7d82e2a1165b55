"""The splits of the user's own folder, as people lay them out."""

import shutil

import pytest

from harness.data import registry
from harness.data.formats.folder_splits import Splits, find_splits
from harness.errors import InputError
from tests.data.builders import encode, noise, write, write_class_folders


def error_of(path):
    with pytest.raises(InputError) as refusal:
        registry.get_spec(f"folder:{path}")
    return str(refusal.value)


def write_unsplit(root, counts):
    """Class folders without a split: ``counts`` has the number of images of each class."""
    for label, (name, count) in enumerate(counts.items()):
        for number in range(count):
            write(root / name / f"{number}.png", encode(noise(4, seed=100 * label + number)))
    return root


def layout_of(root):
    return registry.locate(f"folder:{root}", root).layout


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val", "VALIDATION"])
def test_images_of_val_are_the_test_images_without_a_test_folder(tmp_path, name):
    before = registry.load(f"folder:{write_class_folders(tmp_path)}", tmp_path).fingerprint
    (tmp_path / "test").rename(tmp_path / name)
    registry.forget_loaded()
    dataset = registry.load(f"folder:{tmp_path}", tmp_path)
    assert dataset.fingerprint == before
    assert dataset.origin == f"class folders (val as the test images) in {tmp_path}"


def test_a_val_folder_beside_test_is_not_used_and_the_layout_says_so(tmp_path):
    assert layout_of(write_class_folders(tmp_path)) == "class folders"
    shutil.copytree(tmp_path / "train", tmp_path / "val")
    assert layout_of(tmp_path) == "class folders (val is not used)"
    assert registry.locate(f"folder:{tmp_path}", tmp_path).count() == (4, 2)


@pytest.mark.parametrize("names", [("Train", "Test"), ("TRAIN", "TEST"), ("training", "testing"), ("Training", "val")])
def test_splits_may_have_upper_case_and_longer_names(tmp_path, names):
    for before, now in zip(("train", "test"), names, strict=True):
        write_class_folders(tmp_path / "split")
        (tmp_path / "split" / before).rename(tmp_path / now)
    assert registry.get_spec(f"folder:{tmp_path}").class_names == ("cat", "dog")
    assert find_splits(tmp_path).train == names[0]


def test_two_folders_of_one_split_are_refused(tmp_path):
    write_class_folders(tmp_path)
    (tmp_path / "Training").mkdir()
    assert error_of(tmp_path) == (
        f"{tmp_path} has 'Training' and 'train' for the same split: merge them, or rename one"
    )


def test_a_split_without_its_counterpart_says_what_to_do(tmp_path):
    shutil.rmtree(write_class_folders(tmp_path) / "test")
    assert error_of(tmp_path) == (
        f"{tmp_path} has train/ but no test/ or val/ beside it: add one, or give folder:{tmp_path}/train to hold out "
        "test images\nif 'train' is a class, rename that folder"
    )
    (tmp_path / "train").rename(tmp_path / "Val")
    assert error_of(tmp_path) == (
        f"{tmp_path} has Val/ but no train/ beside it: add it; if 'Val' is a class, rename that folder"
    )


# --- without a split


def test_20_percent_of_each_class_are_held_out_without_a_split(tmp_path):
    root = write_unsplit(tmp_path, {"cat": 10, "dog": 2, "emu": 5})
    assert find_splits(root) == Splits(".", None, " (20 % held out as the test images, seed 0)")
    dataset = registry.load(f"folder:{root}", root)
    assert dataset.test.labels.tolist() == [0, 0, 1, 2]
    assert dataset.train.labels.tolist() == [0] * 8 + [1] + [2] * 4
    assert dataset.origin == f"class folders (20 % held out as the test images, seed 0) in {root}"
    assert (dataset.spec.train_images, dataset.spec.test_images) == (13, 4)


def test_the_held_out_images_do_not_depend_on_the_place(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there/deeper"
    for root, classes in ((here, ["cat", "dog"]), (there, ["dog", "cat"])):
        for name in classes:
            for number in range(20) if root == here else reversed(range(20)):
                write(root / name / f"{number}.png", encode(noise(4, seed=number + 50 * (name == "cat"))))
    one, other = (registry.load(f"folder:{root}", root).fingerprint for root in (here, there))
    assert one == other == "f2c982f3a1fbbe2c39c20f621248931977d19f742d15e38116df07191a291276"


def test_a_class_of_one_image_cannot_be_split_and_is_named(tmp_path):
    root = write_unsplit(tmp_path, {"cat": 3, "dog": 1})
    assert error_of(root) == (
        f"{root} has no split, and 'dog' has one image: a class needs two, one of them for the test"
    )


# --- folders above and below the images


@pytest.mark.parametrize("depth", [1, 2])
def test_a_folder_above_the_images_names_the_folder_to_give(tmp_path, depth):
    root = write_class_folders(tmp_path / "/".join(["flowers"] * depth))
    (tmp_path / "__MACOSX").mkdir()
    assert error_of(tmp_path) == (f"{root.parent} has only flowers/, with test/ and train/ in it: give folder:{root}")


def test_a_folder_between_a_split_and_its_classes_is_named(tmp_path):
    write_class_folders(tmp_path)
    for name in ("train", "test"):
        (tmp_path / name).rename(tmp_path / "inner")
        (tmp_path / name).mkdir()
        (tmp_path / "inner").rename(tmp_path / name / name)
    assert error_of(tmp_path) == (
        f"{tmp_path}/train has only train/, with cat/ and dog/ in it: move them into {tmp_path}/train if they are the "
        "classes"
    )


def test_splits_of_other_names_are_no_classes(tmp_path):
    write_class_folders(tmp_path)
    for name in ("train", "test"):
        (tmp_path / name).rename(tmp_path / f"seg_{name}")
    assert error_of(tmp_path) == (
        f"{tmp_path} has seg_test/ and seg_train/, which look like splits: rename them to train/ and test/"
    )


def test_a_class_may_have_the_name_of_a_split_among_its_words(tmp_path):
    root = write_unsplit(tmp_path, {"test tube": 2, "train station": 2})
    assert registry.get_spec(f"folder:{root}").class_names == ("test tube", "train station")


@pytest.mark.parametrize(("name", "layout"), [("labels.csv", "csv"), ("labels.TSV", "csv"), ("flowers.npz", "npz")])
def test_a_table_or_arrays_name_their_own_prefix(tmp_path, name, layout):
    path = write(tmp_path / name, "")
    assert error_of(path) == f"{path} is not a folder: give {layout}:{path}"


# --- key


def test_the_key_changes_with_a_file(tmp_path):
    root = write_class_folders(tmp_path / "here")

    def key():
        return registry.locate(f"folder:{root}", root).key()

    before = key()
    assert key() == before
    write(root / "train/cat/0.png", encode(noise(9)))
    assert key() != before
