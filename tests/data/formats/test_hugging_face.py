import sys

import pytest
from PIL import Image

from harness.config.recipe import Resize
from harness.data import registry
from harness.data.formats import hugging_face
from harness.errors import InputError
from harness.extras import how_to_install
from tests.data.builders import encode, noise, write_class_folders
from tests.data.formats.hugging_face_files import pictures, save, table

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    """No use of the network or of this user's cache."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("HF_HOME", raising=False)


def load(path, tmp_path, **arguments):
    return registry.load(f"hf:{path}", tmp_path / "data", resize=Resize(8), **arguments)


def refusal_of(path, tmp_path):
    with pytest.raises(InputError) as refusal:
        load(path, tmp_path)
    assert len(str(refusal.value).splitlines()) <= 2
    return str(refusal.value)


def test_a_saved_dataset_is_read_from_its_path(tmp_path):
    dataset = load(save(tmp_path / "pets", train=table((1, 0, 1)), test=table((0,))), tmp_path)
    assert dataset.spec.class_names == ("cat", "dog")
    assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == ([1, 0, 1], [0])
    assert dataset.train.pixels.shape == (3, 3, 8, 8)
    assert dataset.origin == f"Hugging Face (tested on test) in {tmp_path}/pets"


def test_pixels_are_those_of_the_stored_images(tmp_path):
    save(tmp_path / "pets", train=table((0, 1)), test=table((0, 1)))
    dataset = registry.load(f"hf:{tmp_path}/pets", tmp_path)
    expected = noise(9, 10, 3, seed=1).transpose(2, 0, 1)
    assert (dataset.train.pixels[1].numpy() == expected).all()


def test_a_parquet_file_without_a_split_is_split_by_class(tmp_path):
    table([0, 1] * 5).to_parquet(str(tmp_path / "pets.parquet"))
    dataset = load(tmp_path / "pets.parquet", tmp_path)
    assert sorted(dataset.train.labels.tolist()) == [0] * 4 + [1] * 4
    assert sorted(dataset.test.labels.tolist()) == [0, 1]
    assert "20 % held out as the test images, seed 0" in dataset.origin
    assert load(tmp_path / "pets.parquet", tmp_path).fingerprint == dataset.fingerprint


def test_a_folder_of_parquet_files_has_the_splits_of_their_names(tmp_path):
    (tmp_path / "pets").mkdir()
    for split, labels in (("train", (0, 1, 1)), ("test", (1, 0))):
        table(labels).to_parquet(str(tmp_path / f"pets/{split}-00000-of-00001.parquet"))
    dataset = load(tmp_path / "pets", tmp_path)
    assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1, 1], [1, 0])


def test_a_folder_of_images_is_read_by_the_paths_of_its_files(tmp_path):
    write_class_folders(tmp_path / "pets")
    dataset = load(tmp_path / "pets", tmp_path)
    assert dataset.spec.class_names == ("cat", "dog")
    assert len(dataset.train) == 4
    (tmp_path / "pets/train/cat/0.png").write_bytes(b"no image")
    registry.forget_loaded()
    assert "train/cat/0.png" in refusal_of(tmp_path / "pets", tmp_path)


def test_the_library_writes_below_the_data_folder_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    table((0, 1) * 5).to_parquet(str(tmp_path / "pets.parquet"))
    load(tmp_path / "pets.parquet", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".wider-or-deeper", "data", "pets.parquet"]


def test_validation_images_are_the_test_set_if_test_has_no_labels(tmp_path):
    hidden = table((0, 1)).map(lambda _: {"label": -1})
    save(tmp_path / "pets", train=table((1, 0, 1)), validation=table((1, 1, 0)), test=hidden)
    dataset = load(tmp_path / "pets", tmp_path)
    assert dataset.test.labels.tolist() == [1, 1, 0]
    assert "tested on validation" in dataset.origin


@pytest.mark.parametrize(("train", "test"), [("Train", "Eval"), ("training", "dev"), ("train", "valid")])
def test_splits_are_spelled_as_in_every_layout(tmp_path, train, test):
    save(tmp_path / "pets", **{train: table((1, 0, 1)), test: table((0,)), "extra": table((1,))})
    dataset = load(tmp_path / "pets", tmp_path)
    assert (dataset.train.labels.tolist(), dataset.test.labels.tolist()) == ([1, 0, 1], [0])


def test_grey_images_have_one_channel(tmp_path):
    save(tmp_path / "grey", train=table(mode="L"), test=table(mode="L"))
    save(tmp_path / "mixed", train=table(mode="L"), test=table())
    assert load(tmp_path / "grey", tmp_path).train.pixels.shape[1] == 1
    assert load(tmp_path / "mixed", tmp_path).train.pixels.shape[1] == 3


def test_a_late_coloured_image_makes_all_coloured(tmp_path, monkeypatch):
    monkeypatch.setattr(hugging_face, "_LOOKED_AT", 2)
    late = datasets.Dataset.from_dict(
        {"image": [*pictures(3, "L"), *pictures(1)], "label": [0, 1, 0, 1]}, features=table().features
    )
    save(tmp_path / "pets", train=late, test=table(mode="L"))
    assert load(tmp_path / "pets", tmp_path).train.pixels.shape[1] == 3


@pytest.mark.parametrize(("sizes", "side"), [([(9, 9), (9, 9)], 9), ([(9, 8), (9, 8)], None), ([(9, 9), (8, 8)], None)])
def test_squares_of_one_size_are_known(tmp_path, sizes, side):
    rows = datasets.Dataset.from_dict(
        {"image": [Image.new("RGB", size) for size in sizes], "label": [0, 1]}, features=table().features
    )
    save(tmp_path / "pets", train=rows, test=rows)
    assert registry.get_spec(f"hf:{tmp_path}/pets", tmp_path).image_size == side


def test_the_key_changes_with_the_files(tmp_path):
    keys = set()
    for labels in ((0, 1), (1, 0)):
        save(tmp_path / "pets", train=table(labels), test=table())
        keys |= {hugging_face.locate(f"hf:{tmp_path}/pets", tmp_path).key() for _ in range(2)}
    assert len(keys) == 2


def test_class_names_are_part_of_the_fingerprint_of_own_images(tmp_path):
    fingerprints = {
        load(save(tmp_path / f"{names[0]}", train=table(names=names), test=table(names=names)), tmp_path).fingerprint
        for names in (("cat", "dog"), ("oak", "ash"))
    }
    assert len(fingerprints) == 2


def test_a_path_that_does_not_exist_is_named(tmp_path):
    assert f"{tmp_path}/absent does not exist" in refusal_of(tmp_path / "absent", tmp_path)


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    (tmp_path / "pets.parquet").write_bytes(b"no parquet")
    assert f"cannot read {tmp_path}/pets.parquet" in refusal_of(tmp_path / "pets.parquet", tmp_path)


def test_a_damaged_image_is_named_by_its_row(tmp_path):
    rows = table((0, 1)).cast_column("image", datasets.Image(decode=False))
    broken = rows.map(lambda row, at: {"image": {"bytes": b"no" if at else row["image"]["bytes"]}}, with_indices=True)
    save(tmp_path / "pets", train=broken.cast_column("image", datasets.Image()), test=table())
    assert "1 of split train" in refusal_of(tmp_path / "pets", tmp_path)


def test_splits_without_a_training_set_are_listed(tmp_path):
    save(tmp_path / "pets", test=table(), unsupervised=table())
    assert "has the splits test and unsupervised: it needs one named train" in refusal_of(tmp_path / "pets", tmp_path)


def test_one_class_is_refused(tmp_path):
    save(tmp_path / "pets", train=table((0, 0), names=("cat",)), test=table((0,), names=("cat",)))
    assert "has one class, 'cat'" in refusal_of(tmp_path / "pets", tmp_path)


def test_labels_that_training_lacks_are_named(tmp_path):
    save(tmp_path / "pets", train=table(("a", "b"), names=None), test=table(("a", "c"), names=None))
    assert "split test has labels that train lacks: ['c']" in refusal_of(tmp_path / "pets", tmp_path)


def test_without_the_library_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    expected = f"dataset hf:owner/name needs datasets, install it: {how_to_install('hf')}"
    for ask in (registry.locate, registry.load_slice, registry.locate_or_download, registry.get_spec):
        arguments = (2, 2) if ask is registry.load_slice else ()
        with pytest.raises(InputError) as refusal:
            ask("hf:owner/name", tmp_path, *arguments)
        assert str(refusal.value) == expected


@pytest.mark.parametrize("name", ["hf:no such", "hf:a/b/c", "hf:a@b@c", "hf:a/"])
def test_names_that_the_hub_cannot_have_are_refused(name, tmp_path):
    with pytest.raises(InputError, match="give hf:owner/name"):
        registry.locate(name, tmp_path)


def test_a_quick_run_without_the_data_takes_digits(tmp_path):
    dataset = registry.load_slice("hf:owner/name", tmp_path, 12, 8, resize=Resize(16))
    assert dataset.is_stand_in
    assert dataset.train.pixels.shape == (12, 3, 16, 16)


def test_classes_of_an_absent_dataset_are_unknown(tmp_path):
    with pytest.raises(InputError, match=f"hf:owner/name is not in {tmp_path}, so that its classes are unknown"):
        registry.get_spec("hf:owner/name", tmp_path)
    assert "save_to_disk" in registry.how_to_get("hf:owner/name", tmp_path)


def test_images_in_a_folder_may_be_png_of_any_size(tmp_path):
    write_class_folders(tmp_path / "pets")
    (tmp_path / "pets/train/cat/big.png").write_bytes(encode(noise(40, 30)))
    assert load(tmp_path / "pets", tmp_path).train.pixels.shape == (5, 3, 8, 8)
