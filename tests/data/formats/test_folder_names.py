"""Names that are equal, or look it, on one system and not on another."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest

from harness.cli.data import dataset_row
from harness.config.datasets import SPECS
from harness.data import registry
from harness.data.formats import class_folders
from harness.data.formats.hugging_face_columns import class_names
from harness.errors import InputError
from tests.data.builders import write, write_class_folders

CAFE_NFC, CAFE_NFD = "caf\u00e9", "cafe\u0301"


def error_of(root):
    with pytest.raises(InputError) as refusal:
        registry.get_spec(f"folder:{root}")
    return str(refusal.value)


def write_splits(root, train, test):
    for split, names in (("train", train), ("test", test)):
        for name in names:
            write(root / split / name / "0.png", "")
    return root


FORMS = {
    CAFE_NFC: CAFE_NFD,
    "\u00c5ngstr\u00f6m": "A\u030angstro\u0308m",
    "\ud55c": "\u1112\u1161\u11ab",  # Hangul
    "\u00c5": "\u212b",  # the sign of the unit ångström, which NFC replaces by the letter
}


@pytest.mark.parametrize("composed", FORMS)
@pytest.mark.parametrize("is_train", [True, False])
def test_classes_in_nfc_and_nfd_are_the_same_and_stored_in_nfc(tmp_path, composed, is_train):
    splits = ([composed, "tea"], [FORMS[composed], "tea"])
    write_splits(tmp_path, *(splits if is_train else splits[::-1]))
    assert set(registry.get_spec(f"folder:{tmp_path}").class_names) == {composed, "tea"}


def test_declared_class_names_may_be_in_nfd_on_disk_and_the_reverse(tmp_path):
    write(tmp_path / CAFE_NFD / "0.png", "")
    for declared in (CAFE_NFC, CAFE_NFD):
        assert [file.label for file in class_folders.list_files(tmp_path, [declared])] == [0]


@pytest.mark.parametrize(
    "found",
    ["Cat", "CAT", "cat ", " cat", "ca\u200bt", "cat\ufeff", "\uff43at", "c-at", "cat\u00ad", "c at"],
)
@pytest.mark.parametrize("is_train", [True, False])
def test_a_class_that_looks_like_another_is_named_with_it(tmp_path, found, is_train):
    names = (["cat", "dog"], [found, "dog"])
    root = write_splits(tmp_path, *(names[::-1] if is_train else names))
    expected, actual = (found, "cat") if is_train else ("cat", found)
    message = error_of(root)
    assert message.startswith(f"{root}/test has class folder {actual!r}")
    assert f"for class {expected!r}" in message
    assert "rename it; the names differ in case, spaces or characters that are not seen" in message
    assert found.isascii() or ascii(found) in message


def test_letters_of_another_script_are_shown_escaped(tmp_path):
    root = write_splits(tmp_path, ["cat", "dog"], ["c\u0430t", "dog"])
    message = error_of(root)
    assert message.startswith(f"{root}/test lacks class folder 'cat': add it; each of the 2 classes needs one")
    assert message.endswith("\n'c\u0430t' ('c\\u0430t') there: no class has that name")


def test_classes_that_differ_in_case_alone_are_two_classes(tmp_path):
    write_splits(tmp_path, ["a", "A"], ["a", "A"])
    assert registry.get_spec(f"folder:{tmp_path}").class_names == ("A", "a")


def test_two_class_folders_with_one_name_are_refused_with_both_forms(tmp_path):
    write_splits(tmp_path, [CAFE_NFC, CAFE_NFD], [CAFE_NFC])
    assert error_of(tmp_path) == (
        f"{tmp_path}/train has two class folders named 'caf\u00e9', 'cafe\\u0301' and 'caf\\xe9': merge them"
    )


def test_a_class_folder_that_is_not_utf8_is_spelled_out(tmp_path):
    root = write_class_folders(tmp_path / "own", ["caf\udce9", "tea"])
    name = f"folder:{root}"
    assert dataset_row(name, tmp_path).problem is None
    dataset = registry.load(name, tmp_path)
    assert dataset.spec.class_names == ("caf\\xe9", "tea")
    assert dataset.train.labels.tolist() == [0, 0, 1, 1]
    registry.forget_loaded()
    assert registry.load(name, tmp_path).fingerprint == dataset.fingerprint


def test_names_in_utf8_keep_their_fingerprint(tmp_path):
    root = write_class_folders(tmp_path / "own", [CAFE_NFC, "tea"])
    images = registry.load(f"folder:{root}", tmp_path)
    parts = (images.train, images.test)
    digest = hashlib.sha256(b"caf\xc3\xa9\0tea")
    for part in parts:
        digest.update(part.labels.numpy().tobytes() + str((len(part), 3, 8, 8)).encode())
        digest.update(part.pixels.contiguous().numpy().tobytes())
    assert images.fingerprint == digest.hexdigest()


@pytest.mark.parametrize("arrays", [
    {"y": ["caf\udce9", "tea"] * 2}, {"y": [b"caf\xe9", b"tea"] * 2},
    {"y": [0, 1] * 2, "class_names": ["caf\udce9", "tea"]}, {"y": ["\ud800", "tea"] * 2},
])  # fmt: skip
def test_labels_in_arrays_that_are_not_utf8_are_spelled_out(tmp_path, arrays):
    given = {name: np.array(one) for name, one in arrays.items()}
    np.savez(tmp_path / "own.npz", x=np.zeros((4, 8, 8), np.uint8), **given)
    dataset = registry.load(f"npz:{tmp_path}/own.npz", tmp_path)
    assert dataset.spec.class_names in (("caf\\xe9", "tea"), ("\\ud800", "tea"))
    assert dataset.spec.class_names[0].isascii()


def test_names_of_hugging_face_that_are_not_utf8_are_spelled_out():
    rows = SimpleNamespace(features={"label": SimpleNamespace(names=["caf\udce9", "tea"])})
    assert class_names("hf:pets", rows, "label", []) == ("caf\\xe9", "tea")


@pytest.mark.parametrize("name", ["folder:caf\udce9", "npz:caf\udce9.npz", "csv:caf\udce9.csv"])
def test_a_path_that_is_not_utf8_is_refused_alike_by_data_and_training(tmp_path, name):
    expected = f"dataset {name!r}: the path is not UTF-8, so results cannot hold it; rename it"
    assert dataset_row(name, tmp_path).problem == expected
    for ask in (registry.load, registry.locate, registry.get_spec):
        with pytest.raises(InputError) as error:
            ask(name, tmp_path)
        assert str(error.value) == expected


def test_a_name_of_bytes_and_its_spelling_are_one_class(tmp_path):
    write_splits(tmp_path, ["caf\udce9", "caf\\xe9"], ["tea"])
    assert "two class folders named 'caf\\\\xe9'" in error_of(tmp_path)


def test_an_image_whose_name_is_not_utf8_is_taken_and_can_be_named(tmp_path):
    root = write_class_folders(tmp_path)
    write(root / "train/cat/\udce9.png", "damaged")
    assert registry.get_spec(f"folder:{root}").train_images == 5
    with pytest.raises(InputError, match=r"train/cat/\\udce9\.png: it is no PNG"):
        registry.load(f"folder:{root}", tmp_path)


def test_own_classes_are_never_labels_of_numbered_folders(tmp_path):
    write_splits(tmp_path, ["cat", "dog"], ["0", "1"])
    assert error_of(tmp_path).startswith(f"{tmp_path}/test lacks class folder 'cat'")


@pytest.mark.parametrize("name", ["airplane ", "Airplane", "AIRPLANE", "air_plane"])
def test_a_published_class_is_named_with_the_folder_that_looks_like_it(tmp_path, name):
    classes = SPECS["cifar10"].class_names
    write_splits(tmp_path, [name, *classes[1:]], classes)
    with pytest.raises(InputError, match=f"has class folder {name!r} for class 'airplane': rename it"):
        class_folders.list_files(tmp_path / "train", classes)
