"""Findings: kept beside a dataset's cache, and read there while its files stay."""

import csv
import json
import sys

import numpy as np
import pytest

from harness.data import registry, source
from harness.data.formats import class_folders, image_files, table, torchvision_datasets
from harness.data.formats.folder_listing import list_images
from tests.data.caching import PLACE, count_decodings, load
from tests.data.formats.hugging_face_files import save
from tests.data.formats.hugging_face_files import table as pets
from tests.data.formats.torchvision_files import publish_tiny, write_unpacked

ARRAYS = {"x": np.zeros((4, 8, 8), np.uint8), "y": np.array([0, 1, 0, 1])}


@pytest.fixture
def listings(monkeypatch):
    """The listings of images and looks through headers from now on."""
    seen = []

    def counted(module, name):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, **more: seen.append(name) or real(*given, **more))

    counted(class_folders, "list_images")
    counted(table, "_require_files")
    counted(image_files, "shape_in_headers")
    return seen


def as_table(root):
    rows = [(file.relative_to(root), file.parent.name) for file in list_images(root / "train")]
    with open(root / "all.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *rows])
    return f"csv:{root / 'all.csv'}"


@pytest.mark.parametrize("name_of", [lambda root: f"folder:{root}", as_table], ids=["folder", "csv"])
def test_a_second_load_lists_and_opens_no_image(root, tmp_path, listings, name_of):
    name = name_of(root)
    first = registry.load(name, tmp_path)
    assert listings
    listings.clear()
    registry.forget_loaded()  # as in a new process
    second = registry.load(name, tmp_path)
    assert listings == []
    assert (second.spec, second.origin, second.fingerprint) == (first.spec, first.origin, first.fingerprint)


def test_a_changed_folder_is_looked_through_again(root, tmp_path, listings):
    load(root, tmp_path)
    extra = next((root / "train").rglob("*.png"))
    extra.with_name("another.png").write_bytes(extra.read_bytes())
    listings.clear()
    assert load(root, tmp_path)[0].spec.train_images == 7
    assert listings


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"schema_version": 1, "key": "x"}'])
def test_a_damaged_finding_is_made_again(root, tmp_path, listings, damage):
    first = load(root, tmp_path)[0]
    finding = root / PLACE / "folder.finding"
    finding.write_bytes(damage)
    assert load(root, tmp_path)[0].spec == first.spec
    assert json.loads(finding.read_bytes())["spec"]["train_images"] == 6


def test_a_spec_alone_writes_nothing_beside_the_images(root):
    registry.get_spec(f"folder:{root}")
    assert not (root / PLACE).exists()


def test_a_load_walks_a_folder_once(root, tmp_path, monkeypatch):
    walked, real = [], source._tree_key
    monkeypatch.setattr(source, "_tree_key", lambda *given: walked.append(given) or real(*given))
    load(root, tmp_path)
    assert len([given for given in walked if not given[1]]) == 1


def test_a_second_load_does_not_open_a_library_dataset(tmp_path, monkeypatch):
    publish_tiny(monkeypatch, "CIFAR100")
    write_unpacked(tmp_path / "torchvision/CIFAR100", "CIFAR100")
    first = registry.load("torchvision:CIFAR100", tmp_path)
    registry.forget_loaded()
    monkeypatch.setattr(torchvision_datasets, "_open_all", None)
    second = registry.load("torchvision:CIFAR100", tmp_path)
    assert (second.spec, second.fingerprint) == (first.spec, first.fingerprint)


def test_a_second_load_does_not_import_the_library_of_hugging_face(tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    name = f"hf:{save(tmp_path / 'pets', train=pets((1, 0, 1)), test=pets((0,)))}"
    first = registry.load(name, tmp_path)
    registry.forget_loaded()
    monkeypatch.setitem(sys.modules, "datasets", None)
    second = registry.load(name, tmp_path)
    assert (second.spec, second.origin, second.fingerprint) == (first.spec, first.origin, first.fingerprint)


def test_a_link_to_a_folder_above_has_no_key(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/above").symlink_to(tmp_path)
    with pytest.raises(OSError, match="cat/above"):
        source.tree_key(tmp_path)


def test_leftovers_of_systems_leave_the_key(tmp_path):
    (tmp_path / "0.png").write_bytes(b"image")
    key = source.tree_key(tmp_path)
    (tmp_path / "Thumbs.db").write_bytes(b"thumbs")
    assert source.tree_key(tmp_path) == key


def test_layouts_of_one_folder_have_caches_of_their_own(root, tmp_path, monkeypatch):
    arrays = {f"{kind}_{split}": values for split in ("train", "test") for kind, values in ARRAYS.items()}
    for name, values in arrays.items():
        np.save(root / f"{name}.npy", values)
    load(root, tmp_path)
    registry.load(f"npz:{root}", tmp_path)
    decoded = count_decodings(monkeypatch)
    load(root, tmp_path)
    assert decoded == []
