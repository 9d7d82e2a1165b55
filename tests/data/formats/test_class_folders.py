import pytest
import torch

from harness.config.datasets import SPECS, DatasetSpec
from harness.config.recipe import Resize
from harness.data.formats import class_folders
from harness.errors import InputError
from tests.data.builders import encode, noise, write, write_class_folders


def spec_of(*names, size=None, channels=3):
    return DatasetSpec("folder:x", channels, size, names, 0, 0)


def listed(folder, names):
    return [(file.name.removeprefix(f"{folder}/"), file.label) for file in class_folders.list_files(folder, names)]


def test_a_source_lists_its_folders_once(tmp_path, monkeypatch):
    write_class_folders(tmp_path)
    scanned, list_images = [], class_folders.list_images
    monkeypatch.setattr(class_folders, "list_images", lambda *given: scanned.append(given[0]) or list_images(*given))
    source = class_folders.locate(tmp_path, spec_of("cat", "dog"))
    assert source.count() == (4, 2)
    source.check()
    source.read(None, None)
    assert sorted(scanned) == [tmp_path / split / name for split in ("test", "train") for name in ("cat", "dog")]


# --- has_class_folders


def test_both_splits_must_have_class_folders(tmp_path):
    assert not class_folders.has_class_folders(tmp_path)
    write_class_folders(tmp_path)
    assert class_folders.has_class_folders(tmp_path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_files_without_folders_are_no_class_folders(tmp_path, split):
    write_class_folders(tmp_path / "whole")
    (tmp_path / "whole" / split).rename(tmp_path / split)
    other = {"train": "test", "test": "train"}[split]
    write(tmp_path / other / "image.png", encode(noise(4)))
    assert not class_folders.has_class_folders(tmp_path)


# --- class_names


def test_class_names_are_the_sorted_folders(tmp_path):
    write_class_folders(tmp_path, ["dog", "cat", "Ant"])
    assert class_folders.class_names(tmp_path) == ("Ant", "cat", "dog")


def test_numbered_classes_are_in_numerical_order(tmp_path):
    write_class_folders(tmp_path, ["10", "9", "100", "2"])
    assert class_folders.class_names(tmp_path) == ("2", "9", "10", "100")


def test_one_word_among_numbers_sorts_all_as_text(tmp_path):
    write_class_folders(tmp_path, ["10", "9", "b"])
    assert class_folders.class_names(tmp_path) == ("10", "9", "b")


def test_a_single_class_is_refused(tmp_path):
    write_class_folders(tmp_path, ["cat"])
    with pytest.raises(InputError, match="has one class folder, 'cat': add at least one more class"):
        class_folders.class_names(tmp_path)


def test_hidden_folders_and_loose_files_are_no_classes(tmp_path):
    write_class_folders(tmp_path, ["cat", "dog", ".cache"])
    write(tmp_path / "train/readme.txt", "hello")
    assert class_folders.class_names(tmp_path) == ("cat", "dog")


def test_an_absent_folder_is_an_error_that_shows_the_layout(tmp_path):
    with pytest.raises(InputError, match=r"absent does not exist: give folder:PATH, with PATH/train/<class>/\*"):
        class_folders.class_names(tmp_path / "absent")


def test_a_name_too_long_for_a_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="aaaa"):
        class_folders.class_names(tmp_path / ("a" * 300))


# --- list_files


def test_files_are_sorted_by_class_then_by_name(tmp_path):
    for name in ("dog/b.png", "dog/a.png", "cat/z.png"):
        write(tmp_path / name, b"")
    assert listed(tmp_path, ["cat", "dog"]) == [("cat/z.png", 0), ("dog/a.png", 1), ("dog/b.png", 1)]


def test_labels_follow_the_class_names_not_the_folders(tmp_path):
    for name in ("cat/1.png", "dog/1.png"):
        write(tmp_path / name, b"")
    assert listed(tmp_path, ["dog", "cat"]) == [("dog/1.png", 0), ("cat/1.png", 1)]


def test_hidden_files_and_notes_are_skipped(tmp_path):
    for name in ("cat/1.png", "cat/.DS_Store", "cat/labels.csv", "cat/README.md", "cat/.cache/2.png"):
        write(tmp_path / name, b"")
    assert listed(tmp_path, ["cat"]) == [("cat/1.png", 0)]


def test_a_missing_class_is_named(tmp_path):
    write(tmp_path / "cat/1.png", b"")
    with pytest.raises(
        InputError, match=f"{tmp_path} lacks class folder 'dog': add it; each of the 2 classes needs one"
    ):
        class_folders.list_files(tmp_path, ["cat", "dog"])


def test_an_unknown_class_is_named_with_the_known_ones(tmp_path):
    for name in ("cat", "dog", "emu"):
        write(tmp_path / name / "1.png", b"")
    with pytest.raises(
        InputError, match=f"unknown class folder {tmp_path / 'emu'}: rename or remove it; the classes are cat, dog"
    ):
        class_folders.list_files(tmp_path, ["cat", "dog"])


@pytest.mark.parametrize("content", [None, ".hidden.png", "notes.txt"])
def test_an_empty_class_is_named(tmp_path, content):
    write(tmp_path / "cat/1.png", b"")
    (tmp_path / "dog").mkdir()
    if content:
        write(tmp_path / "dog" / content, b"")
    with pytest.raises(InputError, match=f"class folder {tmp_path / 'dog'} is empty"):
        class_folders.list_files(tmp_path, ["cat", "dog"])


def test_a_folder_without_class_folders_is_named_with_the_layout(tmp_path):
    with pytest.raises(InputError, match=f"{tmp_path} has no class folders: images belong in {tmp_path}/<class>/"):
        class_folders.list_files(tmp_path, ["cat", "dog"])


def test_a_slash_in_a_class_name_is_a_dash_in_its_folder(tmp_path):
    names = SPECS["fashionmnist"].class_names
    for name in names:
        write(tmp_path / name.replace("/", "-") / "1.png", b"")
    assert listed(tmp_path, names)[0] == ("T-shirt-top/1.png", 0)
    assert [label for _, label in listed(tmp_path, names)] == list(range(10))


@pytest.mark.parametrize("width", [1, 5])
def test_folders_of_a_published_dataset_may_be_its_labels(tmp_path, width):
    names = SPECS["cifar10"].class_names
    for label in range(10):
        write(tmp_path / f"{label:0{width}d}" / "1.png", b"")
    assert listed(tmp_path, names) == [(f"{label:0{width}d}/1.png", label) for label in range(10)]


def test_gtsrb_folders_may_have_the_official_names(tmp_path):
    for label in range(43):
        write(tmp_path / f"{label:05d}" / "1.png", b"")
    assert [label for _, label in listed(tmp_path, SPECS["gtsrb"].class_names)] == list(range(43))


def test_a_label_beyond_the_classes_is_unknown(tmp_path):
    for label in range(11):
        write(tmp_path / str(label) / "1.png", b"")
    with pytest.raises(InputError, match=f"unknown class folder {tmp_path / '10'}"):
        class_folders.list_files(tmp_path, SPECS["cifar10"].class_names)


def test_a_missing_numbered_class_is_named_like_its_folder(tmp_path):
    for name in ("10", "20"):
        write(tmp_path / name / "1.png", b"")
    with pytest.raises(InputError, match="lacks class folder '30'"):
        class_folders.list_files(tmp_path, ["10", "20", "30"])


def test_numbered_test_folders_must_be_the_training_folders(tmp_path):
    for name in ("1", "2", "3"):
        write(tmp_path / "train" / name / "1.png", b"")
    for name in ("0", "1", "2"):
        write(tmp_path / "test" / name / "1.png", b"")
    names = class_folders.class_names(tmp_path)
    with pytest.raises(InputError, match=str(tmp_path / "test")):
        class_folders.list_files(tmp_path / "test", names)


def test_two_folders_for_one_label_are_refused(tmp_path):
    for name in ("0", "1", "01"):
        write(tmp_path / name / "1.png", b"")
    with pytest.raises(InputError, match="01"):
        class_folders.list_files(tmp_path, ["a", "b"])


def test_listing_an_absent_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="absent"):
        class_folders.list_files(tmp_path / "absent", ["cat"])


# --- locate


def test_count_lists_without_decoding(tmp_path):
    for name in ("train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"):
        write(tmp_path / name, "no image")
    source = class_folders.locate(tmp_path, spec_of("cat", "dog"))
    assert source.count() == (3, 2)
    assert source.path == tmp_path
    assert source.layout == "class folders"


def test_class_folders_cannot_be_verified(tmp_path):
    write_class_folders(tmp_path)
    assert class_folders.locate(tmp_path, spec_of("cat", "dog")).verify() is False


def test_read_returns_both_splits_with_labels(tmp_path):
    write_class_folders(tmp_path, train=3, test=2, size=8)
    train, test = class_folders.locate(tmp_path, spec_of("cat", "dog", size=8)).read(None, None)
    assert train.pixels.shape == (6, 3, 8, 8)
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert test.labels.tolist() == [0, 0, 1, 1]
    assert torch.equal(test.pixels[2], torch.from_numpy(noise(8, seed=10_100)).permute(2, 0, 1))


def test_a_slice_covers_all_classes(tmp_path):
    write_class_folders(tmp_path, ["a", "b", "c"], train=4, test=4)
    train, test = class_folders.locate(tmp_path, spec_of("a", "b", "c")).read(3, 6)
    assert train.labels.tolist() == [0, 1, 2]
    assert test.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_only_the_slice_is_decoded(tmp_path):
    write_class_folders(tmp_path, train=2)
    write(tmp_path / "train/cat/1.png", "no image")
    source = class_folders.locate(tmp_path, spec_of("cat", "dog"))
    assert len(source.read(2, None)[0]) == 2
    with pytest.raises(InputError, match=r"train/cat/1\.png"):
        source.read(None, None)


def test_images_are_converted_to_the_channels_of_the_dataset(tmp_path):
    write_class_folders(tmp_path, size=8)
    train, _ = class_folders.locate(tmp_path, spec_of("cat", "dog", size=8, channels=1)).read(None, None)
    assert train.pixels.shape == (4, 1, 8, 8)


def test_an_image_of_a_wrong_size_is_named(tmp_path):
    write_class_folders(tmp_path, size=8)
    write(tmp_path / "test/dog/0.png", encode(noise(9)))
    with pytest.raises(InputError, match=r"test/dog/0\.png is 9×9 pixels; this dataset's images are 8×8"):
        class_folders.locate(tmp_path, spec_of("cat", "dog", size=8)).read(None, None)


def test_images_are_resized_on_request(tmp_path):
    write_class_folders(tmp_path, size=8)
    write(tmp_path / "train/dog/0.png", encode(noise(9, 20)))
    train, test = class_folders.locate(tmp_path, spec_of("cat", "dog"), resize_to=Resize(16)).read(None, None)
    assert train.pixels.shape == (4, 3, 16, 16)
    assert test.pixels.shape == (2, 3, 16, 16)


def test_test_folders_of_other_classes_are_named(tmp_path):
    write_class_folders(tmp_path)
    (tmp_path / "test/dog").rename(tmp_path / "test/wolf")
    source = class_folders.locate(tmp_path, spec_of("cat", "dog"))
    for access in (source.count, lambda: source.read(None, None)):
        with pytest.raises(InputError, match=f"{tmp_path / 'test'} lacks class folder 'dog'"):
            access()
