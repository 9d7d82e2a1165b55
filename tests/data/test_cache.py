import errno
import json
import os
import shutil

import PIL
import pytest
import torch

from harness.config.recipe import Resize
from harness.data import cache, cache_key, decoding
from harness.data.cache_file import CacheWriter
from harness.data.images import fingerprint
from harness.errors import InputError
from harness.files import with_sha256
from tests.data.builders import encode, noise, write
from tests.data.caching import PLACE, caches, load, pixels_file


def assert_made_again(root, tmp_path, decoded, reason):
    before, decoded[:] = len(caches(root)), []
    dataset, lines = load(root, tmp_path)
    assert decoded == [6, 4]
    assert lines[-1].startswith(f"the cache of folder:{root} is made again: ")
    assert reason in lines[-1]
    assert len(caches(root)) == before == 2
    assert fingerprint(dataset.train, dataset.test, class_names=("cat", "dog")) == dataset.fingerprint
    assert load(root, tmp_path)[1] == []
    assert decoded == [6, 4]


def test_images_are_decoded_once_and_then_mapped(root, tmp_path, decoded):
    first, lines = load(root, tmp_path)
    again, more_lines = load(root, tmp_path)
    assert decoded == [6, 4]
    assert lines == more_lines == []
    assert torch.equal(first.train.pixels, again.train.pixels)
    assert first.fingerprint == again.fingerprint


@pytest.mark.parametrize("resize", [None, Resize(6)])
def test_cached_images_equal_those_in_memory(root, tmp_path, resize):
    write(root / "train/cat/wide.png", encode(noise(5, 9)))
    cached = load(root, tmp_path, resize=resize)[0]
    from harness.data import registry

    source = registry.locate(f"folder:{root}", tmp_path, resize=resize)
    for mine, other in zip((cached.train, cached.test), source.read(None, None), strict=True):
        assert type(mine.pixels) is type(other.pixels)
        assert all(torch.equal(a, b) for a, b in zip(mine.pixels, other.pixels, strict=True))
        assert torch.equal(mine.labels, other.labels)
        assert mine.tracks == other.tracks
    assert cached.fingerprint == fingerprint(*source.read(None, None), class_names=("cat", "dog"))


def test_the_sums_of_a_cache_are_those_of_its_images(root, tmp_path):
    load(root, tmp_path)
    train = load(root, tmp_path)[0].train
    assert train.sums == train.select(torch.arange(len(train))).channel_sums()


def test_each_size_has_a_cache_of_its_own(root, tmp_path, decoded):
    for size in (4, 6, 4, 6):
        assert load(root, tmp_path, resize=Resize(size))[0].train.pixels.shape[2] == size
    assert decoded == [6, 4, 6, 4]
    assert len(caches(root)) == 4


def overwrite(path, position, content):
    with open(path, "r+b") as file:
        file.seek(position)
        file.write(content)


def truncate(path):
    os.truncate(path, path.stat().st_size - 1)


def flip(path):
    overwrite(path, 100, bytes([path.read_bytes()[100] ^ 1]))


DAMAGES = {
    "a pixel": (lambda path: flip(path), "its content does not match its SHA-256"),
    "a label": (lambda path: overwrite(path, path.stat().st_size - 32, b"\1"), "does not match its SHA-256"),
    "cut short": (truncate, "is cut short"),
    "emptied": (lambda path: path.write_bytes(b""), "is cut short"),
    "header garbage": (lambda path: path.with_suffix(".json").write_bytes(b"\x80{"), "is damaged"),
    "header flipped": (lambda path: flip(path.with_suffix(".json")), "is damaged"),
    "header cut": (lambda path: truncate(path.with_suffix(".json")), "is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_torn_cache_is_made_again(root, tmp_path, decoded, damage):
    load(root, tmp_path)
    change, reason = DAMAGES[damage]
    if damage == "header cut":
        overwrite(pixels_file(root).with_suffix(".json"), 0, b"[")
    change(pixels_file(root))
    assert_made_again(root, tmp_path, decoded, reason)


def test_a_cache_with_a_restored_time_is_still_checked(root, tmp_path, decoded):
    load(root, tmp_path)
    path = pixels_file(root)
    state = path.stat()
    flip(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    decoded.clear()
    dataset, lines = load(root, tmp_path)
    assert decoded == [6, 4]
    assert "does not match its SHA-256" in lines[-1]
    assert dataset.fingerprint == fingerprint(dataset.train, dataset.test, class_names=("cat", "dog"))


def test_a_copied_cache_is_checked_once_and_used(root, tmp_path, decoded):
    load(root, tmp_path)
    path = pixels_file(root)
    shutil.copy(path, path.with_suffix(".copy"))
    os.replace(path.with_suffix(".copy"), path)
    assert load(root, tmp_path)[1] == [f"checking the cache of folder:{root}: its file was copied or changed"]
    assert load(root, tmp_path)[1] == []
    assert decoded == [6, 4]


def an_image(root):
    return next((root / "train/cat").glob("*.png"))


STALE = {
    "changed": lambda root: write(an_image(root), encode(noise(8, seed=99))),
    "touched": lambda root: os.utime(an_image(root)),
    "added": lambda root: write(root / "train/cat/new.png", encode(noise(8))),
    "removed": lambda root: an_image(root).unlink(),
    "renamed": lambda root: an_image(root).rename(root / "train/cat/renamed.png"),
}


@pytest.mark.parametrize("change", STALE)
def test_a_stale_cache_is_made_again(root, tmp_path, decoded, change):
    old = load(root, tmp_path)[0]
    STALE[change](root)
    dataset, lines = load(root, tmp_path)
    assert decoded == [6, 4, 6 + (change == "added") - (change == "removed"), 4]
    assert lines == [f"the cache of folder:{root} is made again: its images have changed"]
    assert (dataset.fingerprint == old.fingerprint) == (change == "touched")
    assert len(caches(root)) == 2  # the old one is removed
    assert load(root, tmp_path)[1] == []


def change_header(root, **changes):
    path = pixels_file(root).with_suffix(".json")
    content = {**json.loads(path.read_text()), **changes}
    del content["sha256"]
    path.write_text(with_sha256(content))


def test_a_cache_of_another_pillow_is_made_again(root, tmp_path, decoded):
    load(root, tmp_path)
    change_header(root, pillow="9.9")
    assert_made_again(root, tmp_path, decoded, f"Pillow 9.9 decoded it, this is Pillow {PIL.__version__}")


def test_a_cache_of_another_format_is_made_again(root, tmp_path, decoded):
    load(root, tmp_path)
    change_header(root, schema_version=0)
    assert_made_again(root, tmp_path, decoded, "its schema_version is 0")


def test_a_cache_of_other_decoding_code_is_made_again(root, tmp_path, decoded):
    load(root, tmp_path)
    change_header(root, source="other", code="other")
    assert_made_again(root, tmp_path, decoded, "another version of the harness decoded it")


def test_a_comment_in_the_decoding_code_changes_nothing(root, tmp_path, decoded):
    load(root, tmp_path)
    change_header(root, source="other")
    assert load(root, tmp_path)[1] == []
    assert decoded == [6, 4]


def test_the_decoding_code_has_files():
    names = {path.name for path in cache_key._code()}
    assert {"decoding.py", "images.py", "class_folders.py", "gtsrb.py"} <= names


def refuse_writing(monkeypatch, error, *, only_to=None):
    enter = CacheWriter.__enter__

    def refused(self):
        if only_to is None or only_to in self._path.parents:
            raise error
        return enter(self)

    monkeypatch.setattr(CacheWriter, "__enter__", refused)


READ_ONLY = OSError(errno.EROFS, "Read-only file system")


def test_a_cache_beside_read_only_data_goes_to_the_users(root, tmp_path, decoded, monkeypatch):
    refuse_writing(monkeypatch, READ_ONLY, only_to=root)
    for _ in range(2):
        assert load(root, tmp_path)[1] == []
    assert decoded == [6, 4]
    assert caches(root) == []
    assert len([*(tmp_path / "user").rglob("*.pixels")]) == 1


def test_without_a_place_images_stay_in_memory(root, tmp_path, decoded, monkeypatch):
    cached = load(root, tmp_path)[0].fingerprint
    shutil.rmtree(root / PLACE)
    refuse_writing(monkeypatch, READ_ONLY)
    dataset, lines = load(root, tmp_path)
    assert dataset.fingerprint == cached
    assert len(lines) == 1
    assert lines[0].startswith(f"the images of folder:{root} stay in memory, since no cache can be written to ")
    assert f"{root / PLACE} (Read-only file system) and {tmp_path / 'user'}" in lines[0]


def test_a_disk_that_fills_up_leaves_nothing(root, tmp_path, decoded, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(CacheWriter, "_write", full)
    dataset, lines = load(root, tmp_path)
    assert len(dataset.train) == 6
    assert "No space left on device" in lines[0]
    assert caches(root) == []


def test_a_fault_of_reading_is_no_fault_of_the_cache(root, tmp_path, monkeypatch):
    def torn(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(decoding, "_decode_one", torn)
    with pytest.raises(InputError, match="images of folder:.*/mine cannot be read: Input/output error"):
        load(root, tmp_path)
    assert caches(root) == []


def test_free_space_is_checked_before_decoding(root, tmp_path, decoded, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert "(0.0 GB free, 0.1 GB needed)" in load(root, tmp_path, resize=Resize(8))[1][0]
    assert decoded == [6, 4]  # once, into memory


def test_an_unreadable_cache_is_made_elsewhere(root, tmp_path, decoded):
    load(root, tmp_path)
    path = pixels_file(root).with_suffix(".json")
    path.unlink()
    path.mkdir()
    (path / "in the way").touch()
    dataset, lines = load(root, tmp_path)
    assert len(dataset.train) == 6
    assert f"{path} cannot be read (it is a folder, not a file)" in lines[0]
    assert load(root, tmp_path)[1] == []
    assert decoded == [6, 4] * 2


def test_a_damaged_image_is_named_and_leaves_no_cache(root, tmp_path):
    damaged = write(root / "train/cat/0.png", b"not an image")
    with pytest.raises(InputError, match=f"unreadable image {damaged}"):
        load(root, tmp_path)
    assert caches(root) == []


def test_files_of_a_killed_writer_are_removed(root, tmp_path, decoded):
    load(root, tmp_path)
    options = pixels_file(root).name.split("-")[0]
    STALE["added"](root)
    for suffix in (".writing", ".pixels"):
        (root / PLACE / f"{options}-abandoned{suffix}").write_bytes(b"half")
    load(root, tmp_path)
    assert len(caches(root)) == 2
    assert not any("abandoned" in name for name in caches(root))


def test_a_mapped_dataset_is_split_without_a_copy(root, tmp_path):
    load(root, tmp_path)
    train = load(root, tmp_path)[0].train
    from harness.data.split import split_validation

    for part in split_validation(train, 0.3):
        assert part.pixels is train.pixels
        assert part.to(torch.device("cpu")).pixels is train.pixels
        for k in range(len(part)):
            assert torch.equal(part.select(torch.tensor([k])).pixels[0], train.pixels[part.positions[k]])


def test_caches_are_measured_and_removed(root, tmp_path):
    load(root, tmp_path)
    place = root / PLACE
    size = cache.cached_bytes(place)
    assert size > pixels_file(root).stat().st_size
    assert cache.remove_caches(place) == size
    assert not place.exists()
    assert (cache.cached_bytes(place), cache.remove_caches(place)) == (0, 0)
