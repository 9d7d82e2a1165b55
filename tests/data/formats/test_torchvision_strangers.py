"""Files of torchvision's datasets that strangers made: never waited for, never believed, never a reason to remove."""

import os
from pathlib import Path

import pytest

from harness.data import registry
from harness.data.formats import torchvision_datasets
from harness.data.source import tree_key
from harness.errors import InputError
from tests.data.builders import write

OTHER = {"a pipe": os.mkfifo, "a device": lambda path: path.symlink_to("/dev/zero")}


@pytest.mark.parametrize("kind", OTHER)
@pytest.mark.parametrize(
    ("name", "file"),
    [("MNIST", "MNIST/raw/t10k-images-idx3-ubyte"), ("DTD", "dtd/dtd/labels/train1.txt"), ("USPS", "usps.bz2")],
)
def test_torchvision_never_waits_for_a_special_file(name, file, kind, tiny):
    path = tiny(name) / "torchvision" / name / file
    path.unlink()
    OTHER[kind](path)
    with pytest.raises(InputError, match=f"^{path} cannot be read: it is a pipe, a socket or a device, not a file$"):
        registry.load(f"torchvision:{name}", path.parents[len(Path(file).parts) + 1])


@pytest.mark.parametrize(
    ("name", "file"), [("MNIST", "MNIST/raw/t10k-images-idx3-ubyte"), ("Flowers102", "flowers-102/setid.mat")]
)
def test_torchvision_reads_no_file_larger_than_the_dataset(name, file, tiny):
    data_dir = tiny(name)
    path = data_dir / "torchvision" / name / file
    os.truncate(path, 2**33)
    with pytest.raises(InputError, match=f"^{path} has 8,589,934,592 bytes, and {name}'s has at most "):
        registry.load(f"torchvision:{name}", data_dir)


def test_a_data_folder_cannot_vouch_for_files_of_torchvision(tiny):
    data_dir = tiny("MNIST")
    root = data_dir / "torchvision/MNIST"
    (root / ".verified").write_text(tree_key(root))
    assert torchvision_datasets.locate("torchvision:MNIST", data_dir).verify() is False


def test_an_unfinished_download_removes_the_datasets_own_files_alone(tmp_path, monkeypatch):
    root, valuable = tmp_path / "torchvision/MNIST", tmp_path / "valuable/file"
    write(valuable, "mine")
    write(root / "notes.txt", "mine too")
    write(root / ".unfinished", f"../../valuable\nnotes.txt\n{valuable}\nMNIST/raw/train-images-idx3-ubyte\n")
    monkeypatch.setattr(torchvision_datasets, "_open_all", lambda *_, **__: 1 / 0)
    with pytest.raises(InputError, match="could not download"):
        torchvision_datasets.download("torchvision:MNIST", tmp_path)
    assert (valuable.read_text(), (root / "notes.txt").read_text()) == ("mine", "mine too")


@pytest.mark.parametrize("kind", OTHER)
def test_a_special_file_instead_of_the_unfinished_list_is_named(tmp_path, kind):
    path = tmp_path / "torchvision/MNIST/.unfinished"
    path.parent.mkdir(parents=True)
    OTHER[kind](path)
    with pytest.raises(InputError, match=f"{path} cannot be read: it is a"):
        torchvision_datasets.locate("torchvision:MNIST", tmp_path)
