import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.datasets import SPECS, check_dataset_name, is_own_images, own_path
from harness.errors import InputError
from tests.data.builders import anything


@pytest.mark.parametrize(
    ("name", "channels", "size", "classes", "train", "test"),
    [
        ("cifar10", 3, 32, 10, 50_000, 10_000),
        ("fashionmnist", 1, 28, 10, 60_000, 10_000),
        ("gtsrb", 3, None, 43, 39_209, 12_630),
        ("digits", 1, 8, 10, 360, 1_437),
    ],
)
def test_specs_are_as_published(name, channels, size, classes, train, test):
    spec = SPECS[name]
    assert (spec.name, spec.channels, spec.image_size, spec.num_classes) == (name, channels, size, classes)
    assert (spec.train_images, spec.test_images) == (train, test)


def test_class_names_are_in_label_order():
    assert SPECS["cifar10"].class_names[3] == "cat"
    assert SPECS["cifar10"].class_names == tuple(sorted(SPECS["cifar10"].class_names))
    assert SPECS["fashionmnist"].class_names[0] == "T-shirt/top"
    assert SPECS["fashionmnist"].class_names[9] == "Ankle boot"
    assert SPECS["gtsrb"].class_names[42] == "42"


def test_no_dataset_has_a_class_twice():
    for spec in SPECS.values():
        assert len(set(spec.class_names)) == spec.num_classes


@pytest.mark.parametrize("name", [*SPECS, "folder:some/where", "folder:/"])
def test_a_dataset_name_is_returned_as_given(name):
    assert check_dataset_name(name) == name


@pytest.mark.parametrize("name", ["", "mnist", "CIFAR10", "cifar10 ", "folder", "Folder:x"])
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name):
    with pytest.raises(InputError) as refusal:
        check_dataset_name(name)
    for expected in (repr(name), *SPECS, "folder:PATH"):
        assert expected in str(refusal.value)


def test_a_folder_without_a_path_is_an_error_that_shows_the_layout():
    with pytest.raises(InputError, match=r"folder:PATH, with PATH/train/<class>/\*"):
        check_dataset_name("folder:")


@anything
@given(st.text())
def test_any_text_is_a_dataset_or_an_input_error(name):
    try:
        assert check_dataset_name(name) in SPECS or is_own_images(name)
    except InputError as refusal:
        assert repr(name) in str(refusal)


def test_only_names_with_the_prefix_are_folders():
    assert is_own_images("folder:x")
    assert not is_own_images("cifar10")
    assert not is_own_images("xfolder:x")


def test_a_folders_path_follows_the_prefix():
    assert own_path("folder:a/b") == Path("a/b")
    assert own_path("folder:/a:b") == Path("/a:b")
    assert own_path("folder:folder:x") == Path("folder:x")


def test_a_tilde_expands_to_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert own_path("folder:~/images") == tmp_path / "images"


def test_the_home_of_an_unknown_user_is_an_input_error():
    with pytest.raises(InputError, match="nosuchuser"):
        own_path("folder:~nosuchuser-of-this-machine/images")


def test_specs_need_neither_torch_nor_numpy():
    code = "import sys, harness.config.datasets; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
