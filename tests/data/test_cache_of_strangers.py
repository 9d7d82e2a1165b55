"""Caches and findings that strangers put beside the images: not believed, never followed, never waited for."""

import json
import os

import pytest
import torch

from harness.data import cache
from harness.files import with_sha256
from tests.data.builders import write
from tests.data.caching import PLACE, caches, load, pixels_file
from tests.helpers.users import OTHER_USER

SPECIAL = {"a pipe": os.mkfifo, "a device": lambda path: path.symlink_to("/dev/zero"), "a folder": os.mkdir}


def content_of(path):
    """The content of a sealed JSON file, without its seal."""
    content = json.loads(path.read_bytes())
    del content["sha256"]
    return content


def change(path, **changes):
    write(path, with_sha256(content_of(path) | changes))


def give_to_other_user(path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(path, OTHER_USER, -1)


def forge(root):
    """Write other pixels into the cache as another user would, with a header that fits them."""
    path = pixels_file(root)
    header = content_of(path.with_suffix(".json"))
    content = bytearray(path.read_bytes())
    start, length = header["train"]["pixels"]
    content[start : start + length] = bytes(length)
    path.write_bytes(content)
    give_to_other_user(path)
    state = path.stat()
    change(path.with_suffix(".json"), state=[state.st_size, state.st_mtime_ns, state.st_ctime_ns])
    return path


def test_a_cache_of_another_user_is_not_believed(root, tmp_path, decoded):
    true = load(root, tmp_path)[0].train.pixels.clone()
    path = forge(root)
    for _ in range(2):
        dataset, lines = load(root, tmp_path)
        assert torch.equal(dataset.train.pixels, true)
        assert lines == []
    assert decoded == [6, 4, 6, 4]  # the second time from this user's own folder
    assert path.stat().st_uid == OTHER_USER  # it is left alone: others may use it


def test_a_header_of_another_user_is_not_believed(root, tmp_path, decoded):
    load(root, tmp_path)
    give_to_other_user(pixels_file(root).with_suffix(".json"))
    load(root, tmp_path)
    assert decoded == [6, 4, 6, 4]


def test_without_another_place_a_cache_of_another_user_is_named(root, tmp_path, monkeypatch):
    load(root, tmp_path)
    give_to_other_user(pixels_file(root))
    monkeypatch.setattr(cache, "cache_places", lambda *_: [root / PLACE])
    dataset, lines = load(root, tmp_path)
    assert len(dataset.train) == 6
    assert lines[0].endswith(f"be written to {root / PLACE} (its cache belongs to another user)")


def test_a_finding_of_another_user_is_not_believed(root, tmp_path):
    first = load(root, tmp_path)[0]
    path = root / PLACE / "folder.finding"
    change(path, spec=content_of(path)["spec"] | {"class_names": ["dog", "cat"]})
    give_to_other_user(path)
    assert load(root, tmp_path)[0].spec == first.spec


ODD_HEADERS = {
    "no splits": {"train": None},
    "a split without pixels": {"train": {}},
    "more labels than images": {"test": {"pixels": [0, 0], "shape": [3, 8, 8], "labels": [0, 64]}},
    "an odd shape": {"test": {"pixels": [0, 7], "shape": [3, 8, 8], "labels": [0, 0]}},
    "sizes beyond": {"test": {"pixels": [0, 64], "shape": [3, None, None], "sizes": [0, 64], "labels": [0, 32]}},
    "sums of another kind": {"sums": 7},
    "no sums": {"sums": None},
    "sums of other images": {"sums": {"count": 384, "values": [1, 1, 1], "squares": [1, 1, 1]}, "state": [0, 0, 0]},
    "a state of another kind": {"state": "x"},
    "a version of another kind": {"pillow": []},
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD_HEADERS)
def test_an_odd_header_is_damage_and_made_again(root, tmp_path, decoded, odd):
    true = load(root, tmp_path)[0]
    fingerprint, count = true.fingerprint, len(caches(root))
    path = pixels_file(root)
    change(path.with_suffix(".json"), **ODD_HEADERS[odd])
    decoded.clear()
    dataset, lines = load(root, tmp_path)
    assert (dataset.fingerprint, decoded, len(caches(root))) == (fingerprint, [6, 4], count)
    assert "is made again" in lines[-1]


ODD_FINDINGS = [
    {"spec": None},
    {"spec": {}},
    {"spec": {"name": 1, "channels": "3", "image_size": None, "class_names": [1], "train_images": 1, "test_images": 1}},
    {"key": None},
    {"pillow": {}},
]


@pytest.mark.parametrize("odd", ODD_FINDINGS)
def test_an_odd_finding_is_looked_for_again(root, tmp_path, odd):
    first = load(root, tmp_path)[0]
    change(root / PLACE / "folder.finding", **odd)
    assert load(root, tmp_path)[0].spec == first.spec


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("suffix", [".json", ".pixels", ".finding"])
def test_a_special_file_in_the_place_of_a_cache_holds_nothing_up(root, tmp_path, kind, suffix):
    first = load(root, tmp_path)[0].fingerprint
    path = next((root / PLACE).glob(f"*{suffix}"))
    path.unlink()
    SPECIAL[kind](path)
    assert load(root, tmp_path)[0].fingerprint == first


@pytest.mark.parametrize("suffix", [".json", ".finding"])
def test_a_sparse_file_in_the_place_of_a_cache_is_not_read(root, tmp_path, suffix):
    first = load(root, tmp_path)[0].fingerprint
    os.truncate(next((root / PLACE).glob(f"*{suffix}")), 2**33)
    assert load(root, tmp_path)[0].fingerprint == first


@pytest.mark.parametrize("target", ["present", "absent"])
def test_a_link_is_never_written_through(root, tmp_path, target):
    load(root, tmp_path)
    path, valuable = pixels_file(root), tmp_path / "valuable"
    if target == "present":
        valuable.write_text("mine")
    for one in (root / PLACE).iterdir():
        one.unlink()
    path.with_suffix(".writing").symlink_to(valuable)
    assert len(load(root, tmp_path)[0].train) == 6
    assert valuable.exists() == (target == "present")
    assert not valuable.exists() or valuable.read_text() == "mine"
