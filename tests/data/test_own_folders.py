"""Downloads and caches beside links and hard links: nothing is written to or removed from their targets."""

import os

import pytest

from harness.data import registry
from harness.data.cache_file import CacheWriter
from harness.data.download import fetch
from harness.data.formats import hugging_face
from harness.data.own_folders import make_files_own
from harness.errors import InputError
from tests.data.builders import md5, write
from tests.data.formats.torchvision_files import CIFAR100, publish_cifar100
from tests.data.serving import refusing_address, serve
from tests.helpers.planted import LINKS, is_untouched, plant


def test_links_are_removed_and_hard_links_copied(tmp_path):
    folder, other = tmp_path / "folder", write(tmp_path / "other", "precious")
    write(folder / "own/file", "own")
    os.link(other, folder / "own/hard")
    (folder / "own/link").symlink_to(other)
    (folder / "linked").symlink_to(tmp_path)
    make_files_own(folder)
    assert sorted(os.listdir(folder)) == ["own"]
    assert sorted(os.listdir(folder / "own")) == ["file", "hard"]
    (folder / "own/hard").write_text("overwritten")
    assert other.read_text() == "precious"


@pytest.mark.parametrize("kind", [*LINKS, "pipe", "dangling"])
def test_cache_is_written_into_a_new_file(kind, tmp_path):
    plant(kind, tmp_path / "cache.writing", "precious")
    with CacheWriter(tmp_path / "cache"):
        assert (tmp_path / "cache.writing").lstat().st_nlink == 1
    assert is_untouched(kind, tmp_path / "cache.writing", "precious")


def test_download_is_not_written_through_a_link(tmp_path):
    precious = write(tmp_path / "home/data.bin", "precious")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / ".download-data.bin").symlink_to(precious.parent)
    with serve({"/data.bin": b"published"}) as (address, _):
        assert fetch(f"{address}data.bin", folder, md5(b"published")).read_bytes() == b"published"
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("kind", LINKS)
def test_torchvision_downloads_into_files_of_its_own(kind, tmp_path, monkeypatch):
    root = tmp_path / "torchvision/CIFAR100"
    root.mkdir(parents=True)
    other = plant(kind, root / "cifar-100-python.tar.gz", "precious")
    with serve({"/cifar-100-python.tar.gz": CIFAR100}) as (address, _):
        publish_cifar100(monkeypatch, address)
        registry.locate_or_download("torchvision:CIFAR100", tmp_path)
    assert other.read_text() == "precious"


def test_torchvision_does_not_unpack_through_a_link(tmp_path, monkeypatch):
    home = tmp_path / "home"
    precious = write(home / "train", "precious")
    root = tmp_path / "torchvision/CIFAR100"
    write(root / "cifar-100-python.tar.gz", CIFAR100)
    write(root / ".unfinished", "cifar-100-python")
    (root / "cifar-100-python").symlink_to(home)
    publish_cifar100(monkeypatch, refusing_address())
    registry.locate_or_download("torchvision:CIFAR100", tmp_path)
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("name", ["../../home", "{home}", "../../home/file"])
def test_list_of_unfinished_files_removes_no_others(name, tmp_path, monkeypatch):
    precious = write(tmp_path / "home/file", "precious")
    root = tmp_path / "torchvision/CIFAR100"
    write(root / ".unfinished", name.format(home=precious.parent))
    publish_cifar100(monkeypatch, refusing_address())
    with pytest.raises(InputError):
        registry.locate_or_download("torchvision:CIFAR100", tmp_path)
    assert precious.read_text() == "precious"


def test_hub_download_is_not_saved_through_a_link(tmp_path, monkeypatch):
    target, home = tmp_path / "hf/owner--pets", tmp_path / "home"
    write(home / "state.json", "precious")
    target.parent.mkdir()
    for name in (".owner--pets", ".downloads"):
        (target.parent / name).symlink_to(home)
    seen = []

    def run(command, **_):
        seen.append([os.path.lexists(target.parent / name) for name in (".owner--pets", ".downloads")])
        raise OSError("no process")

    monkeypatch.setattr(hugging_face.subprocess, "run", run)
    with pytest.raises(OSError, match="no process"):
        hugging_face._try_download("hf:owner/pets", target)
    assert seen == [[False, False]]
    assert (home / "state.json").read_text() == "precious"
