import dataclasses

import pytest
import torch

from harness.config.datasets import SPECS
from harness.config.recipe import Resize
from harness.data import registry
from harness.data.formats import gtsrb
from harness.data.images import ImageSet
from harness.errors import InputError
from tests.data.builders import (
    compressed_idx,
    encode,
    idx_contents,
    noise,
    write,
    write_class_folders,
    write_files,
    write_gtsrb_folders,
    write_gtsrb_kaggle,
)
from tests.data.dataset_names import ABSENT


@pytest.mark.parametrize("name", SPECS)
def test_get_spec_returns_the_published_spec(name):
    assert registry.get_spec(name) is SPECS[name]


def test_a_folders_spec_is_made_from_its_content(tmp_path):
    write_class_folders(tmp_path, ["dog", "cat", "ant"], train=4, test=2)
    spec = registry.get_spec(f"folder:{tmp_path}")
    assert spec.name == f"folder:{tmp_path}"
    assert spec.class_names == ("ant", "cat", "dog")
    assert (spec.channels, spec.image_size) == (3, 8)
    assert (spec.train_images, spec.test_images) == (12, 6)


def every_way_to_ask(data_dir):
    return (
        registry.get_spec,
        lambda name: registry.locate(name, data_dir),
        lambda name: registry.locate_or_download(name, data_dir),
        lambda name: registry.load(name, data_dir),
        lambda name: registry.load_slice(name, data_dir, 1, 1),
    )


def test_every_function_refuses_an_unknown_name(tmp_path):
    for ask in every_way_to_ask(tmp_path):
        with pytest.raises(InputError, match="unknown dataset 'mnist': the datasets are cifar10"):
            ask("mnist")


def test_every_function_refuses_an_absent_folder(tmp_path):
    name = f"folder:{tmp_path / 'absent'}"
    for ask in every_way_to_ask(tmp_path):
        with pytest.raises(InputError, match="absent does not exist"):
            ask(name)


@pytest.mark.parametrize("path", ["~nosuchuser-of-this-machine/x", "a" * 300, "a\0b", "/dev/null", ".."])
def test_odd_folder_paths_are_input_errors(path):
    with pytest.raises(InputError):
        registry.get_spec(f"folder:{path}")


def test_test_classes_must_be_the_training_classes(tmp_path):
    write_class_folders(tmp_path)
    (tmp_path / "test/dog").rename(tmp_path / "test/wolf")
    with pytest.raises(InputError, match="lacks class folder 'dog'"):
        registry.get_spec(f"folder:{tmp_path}")


def test_digits_are_always_present(tmp_path):
    assert registry.locate("digits", tmp_path / "absent").count() == (360, 1_437)


@pytest.mark.parametrize("name", ABSENT)
def test_locating_an_absent_dataset_returns_none(tmp_path, name):
    assert registry.locate(name, tmp_path / "absent") is None
    (tmp_path / name).mkdir()
    assert registry.locate(name, tmp_path) is None


def test_the_publishers_layout_precedes_class_folders(tmp_path):
    write_class_folders(tmp_path / "fashionmnist", SPECS["cifar10"].class_names)
    assert registry.locate("fashionmnist", tmp_path).layout == "class folders"
    write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    assert registry.locate("fashionmnist", tmp_path).layout == "idx files"


@pytest.mark.parametrize("name", ABSENT)
def test_any_dataset_may_be_in_class_folders(tmp_path, name):
    spec = SPECS[name]
    classes = [name.replace("/", "-") for name in spec.class_names]
    write_class_folders(tmp_path / name, classes, train=2, test=1, size=spec.image_size or 20)
    source = registry.locate(name, tmp_path)
    assert source.layout == "class folders"
    train, test = source.read(None, None)
    assert train.labels.tolist() == sorted([*range(spec.num_classes)] * 2)
    assert train.pixels.shape[1] == spec.channels
    assert len(test) == spec.num_classes


def test_class_folders_with_only_one_split_are_not_the_dataset(tmp_path):
    write_class_folders(tmp_path / "cifar10", SPECS["cifar10"].class_names)
    (tmp_path / "cifar10/test").rename(tmp_path / "cifar10/tests")
    assert registry.locate("cifar10", tmp_path) is None


MISSING_LINKS = {
    "cifar10": "cifar-10-batches-py",
    "fashionmnist": "train-images-idx3-ubyte.gz",
    "gtsrb": gtsrb.TRAIN_ZIP,
}


@pytest.mark.parametrize("name", ABSENT)
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_link_to_a_missing_disk_is_no_absent_dataset(tmp_path, monkeypatch, name, is_whole):
    monkeypatch.setattr(f"harness.data.formats.{name}.fetch", None)  # a download would fail
    link = tmp_path / name / ("" if is_whole else MISSING_LINKS[name])
    link.parent.mkdir(exist_ok=True)
    link.symlink_to("/not/mounted")
    for ask in every_way_to_ask(tmp_path)[1:]:
        with pytest.raises(InputError, match=f"link {link} leads to /not/mounted, which does not exist"):
            ask(name)


@pytest.mark.parametrize("place", ["GTSRB", "GTSRB/Final_Training/Images", "GTSRB/Final_Training/Images/00001"])
def test_a_link_to_a_missing_disk_in_the_unpacked_gtsrb_is_named(tmp_path, place):
    link = write_gtsrb_folders(tmp_path / "gtsrb") / place
    link.rename(tmp_path / "elsewhere")
    link.symlink_to("/not/mounted")
    with pytest.raises(InputError, match=f"link {link} leads to /not/mounted, which does not exist"):
        registry.load("gtsrb", tmp_path)


def test_gtsrb_is_found_in_either_folder_the_lower_case_first(tmp_path):
    write_gtsrb_kaggle(tmp_path / "GTSRB")
    assert registry.locate("gtsrb", tmp_path).path == tmp_path / "GTSRB"
    write_gtsrb_folders(tmp_path / "gtsrb")
    assert registry.locate("gtsrb", tmp_path).path == tmp_path / "gtsrb"


def test_a_folder_is_located_independently_of_the_data_folder(tmp_path):
    write_class_folders(tmp_path / "mine", size=8)
    source = registry.locate(f"folder:{tmp_path / 'mine'}", tmp_path / "absent", resize=Resize(16))
    assert source.path == tmp_path / "mine"
    assert source.read(None, None)[0].pixels.shape == (4, 3, 16, 16)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("cifar10", ["cifar-10-python.tar.gz"]),
        ("fashionmnist", ["-ubyte.gz"]),
        ("gtsrb", [*gtsrb.MD5, "Train.csv", "Test.csv"]),
    ],
)
def test_how_to_get_names_the_files_and_the_folder(tmp_path, name, files):
    text = registry.how_to_get(name, tmp_path)
    assert str(tmp_path / name) in text
    assert "/train/<class>/*" in text
    for file in files:
        assert file in text


def test_load_returns_images_origin_and_fingerprint(tmp_path):
    root = write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    dataset = registry.load("fashionmnist", tmp_path)
    assert dataset.spec is SPECS["fashionmnist"]
    assert dataset.train.labels.tolist() == [0, 1, 9, 3, 4]
    assert dataset.test.labels.tolist() == [7, 2, 9]
    assert dataset.origin == f"idx files in {root}"
    assert len(dataset.fingerprint) == 64
    assert not dataset.is_stand_in


@pytest.mark.parametrize("name", ABSENT)
def test_loading_an_absent_dataset_says_which_files_to_put_where(tmp_path, name):
    with pytest.raises(InputError, match=f"dataset {name} is not in {tmp_path}: put ") as refusal:
        registry.load(name, tmp_path)
    assert registry.how_to_get(name, tmp_path) in str(refusal.value)


def test_the_fingerprint_depends_on_images_not_on_their_path(tmp_path):
    for place in ("here", "there/deeper"):
        write_files(tmp_path / place / "fashionmnist", compressed_idx(idx_contents()))
    write_files(tmp_path / "other/fashionmnist", compressed_idx(idx_contents(test=(7, 2, 8))))
    here, there, other = (
        registry.load("fashionmnist", tmp_path / place).fingerprint for place in ("here", "there/deeper", "other")
    )
    assert here == there
    assert other != here


def test_a_dataset_is_loaded_once(tmp_path):
    root = write_class_folders(tmp_path / "mine")
    name = f"folder:{root}"
    assert registry.load(name, tmp_path) is registry.load(name, tmp_path)
    assert registry.load(name, tmp_path, resize=Resize(16)) is not registry.load(name, tmp_path)


def test_own_images_keep_their_sizes_unless_resized(tmp_path):
    root = write_class_folders(tmp_path / "mine", size=8)
    write(root / "train/cat/wide.png", encode(noise(8, 20)))
    name = f"folder:{root}"
    assert [tuple(p.shape[1:]) for p in registry.load(name, tmp_path).train.pixels][2] == (8, 20)
    squashed, cropped = (registry.load(name, tmp_path, resize=one) for one in (Resize(16), Resize(16, "crop")))
    assert squashed.train.pixels.shape == cropped.train.pixels.shape == (5, 3, 16, 16)
    assert torch.equal(squashed.train.pixels[0], cropped.train.pixels[0])
    assert not torch.equal(squashed.train.pixels[2], cropped.train.pixels[2])


def test_a_damaged_dataset_loads_after_its_repair(tmp_path):
    root = write_class_folders(tmp_path / "mine")
    good = (root / "train/cat/0.png").read_bytes()
    write(root / "train/cat/0.png", "damaged")
    with pytest.raises(InputError, match=r"train/cat/0\.png"):
        registry.load(f"folder:{root}", tmp_path)
    write(root / "train/cat/0.png", good)
    assert len(registry.load(f"folder:{root}", tmp_path).train) == 4


@pytest.mark.parametrize("name", ABSENT)
def test_resized_digits_stand_in_for_an_absent_dataset(tmp_path, name):
    spec = SPECS[name]
    dataset = registry.load_slice(name, tmp_path, 16, 8)
    size = spec.image_size or 32
    assert dataset.is_stand_in
    assert dataset.spec is spec
    assert dataset.train.pixels.shape == (16, spec.channels, size, size)
    assert dataset.test.pixels.shape == (8, spec.channels, size, size)
    assert "digits" in dataset.origin
    assert not dataset.is_whole


def test_a_slice_of_a_present_dataset_is_no_stand_in(tmp_path):
    root = write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    dataset = registry.load_slice("fashionmnist", tmp_path, 2, 1)
    assert not dataset.is_stand_in
    assert dataset.train.labels.tolist() == [0, 9]
    assert dataset.test.labels.tolist() == [7]
    assert dataset.origin == f"idx files in {root}"


def test_a_slice_of_digits_is_no_stand_in(tmp_path):
    dataset = registry.load_slice("digits", tmp_path, 16, 8)
    assert not dataset.is_stand_in
    assert dataset.train.pixels.shape == (16, 1, 8, 8)


def test_a_slice_of_a_damaged_dataset_is_an_input_error_not_a_stand_in(tmp_path):
    write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    write(tmp_path / "fashionmnist/train-images-idx3-ubyte.gz", "damaged")
    with pytest.raises(InputError, match="train-images-idx3-ubyte.gz is damaged"):
        registry.load_slice("fashionmnist", tmp_path, 2, 1)


def test_a_slice_has_another_fingerprint_than_the_whole(tmp_path):
    whole, part = registry.load("digits", tmp_path), registry.load_slice("digits", tmp_path, 16, 8)
    assert whole.fingerprint != part.fingerprint


def test_digits_are_whole_and_their_slice_is_not(tmp_path):
    assert registry.load("digits", tmp_path).is_whole
    assert not registry.load_slice("digits", tmp_path, 16, 8).is_whole


def test_a_published_dataset_with_fewer_images_is_not_whole(tmp_path):
    write_files(tmp_path / "fashionmnist", compressed_idx(idx_contents()))
    assert not registry.load("fashionmnist", tmp_path).is_whole


@pytest.mark.parametrize(("missing_train", "missing_test"), [(1, 0), (0, 1)])
def test_one_image_too_few_in_either_part_is_not_whole(tmp_path, missing_train, missing_test):
    digits = registry.load("digits", tmp_path)

    def without(part, count):
        return part.select(torch.arange(len(part) - count))

    changed = dataclasses.replace(
        digits, train=without(digits.train, missing_train), test=without(digits.test, missing_test)
    )
    assert isinstance(changed.train, ImageSet)
    assert not changed.is_whole


def test_the_users_own_images_are_whole(tmp_path):
    write_class_folders(tmp_path)
    assert registry.load(f"folder:{tmp_path}", tmp_path).is_whole
