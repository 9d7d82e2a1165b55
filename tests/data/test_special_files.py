"""Pipes, devices, sockets and sparse files in the place of a dataset's files: one error that names them, at once."""

import os
import signal
import socket
import struct
import zipfile

import numpy as np
import pytest

from harness.cli.data import dataset_row
from harness.data import download, registry
from harness.errors import InputError
from tests.data.builders import (
    cifar10_archive,
    cifar10_contents,
    compressed_idx,
    gtsrb_archives,
    idx_contents,
    linux,
    peak_bytes,
    write,
    write_arrays,
    write_class_folders,
    write_files,
    write_gtsrb_folders,
    write_gtsrb_kaggle,
    write_table,
)
from tests.data.formats.cifar10_files import ARCHIVE, BATCHES, publish_tiny
from tests.data.formats.hugging_face_files import save, table

_SECONDS = 10  # of this machine, however busy
_OFFICIAL = "GTSRB/Final_Training/Images/00001"


def bound_socket(path):
    before = os.getcwd()
    os.chdir(path.parent)  # a socket's path may have 107 bytes
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)
    os.chdir(before)


def sparse(path):
    path.touch()
    os.truncate(path, 2**33)


KINDS = {
    "a pipe": os.mkfifo,
    "/dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a socket": bound_socket,
    "8 GB of nothing": sparse,
}


def arrays_in_folder(folder):
    with np.load(write_arrays(folder.with_suffix(".npz"))) as arrays:
        folder.mkdir()
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values)


# The dataset's name, what writes it into a folder, and the file that is replaced.
PLACES = {
    "image of a class": ("folder:{}/own", lambda to: write_class_folders(to / "own"), "own/train/cat/0.png"),
    "image of a table": ("csv:{}/own/labels.csv", lambda to: write_table(to / "own"), "own/0.png"),
    "table": ("csv:{}/own/labels.csv", lambda to: write_table(to / "own"), "own/labels.csv"),
    "npz": ("npz:{}/own.npz", lambda to: write_arrays(to / "own.npz"), "own.npz"),
    "npy": ("npz:{}/own", lambda to: arrays_in_folder(to / "own"), "own/x_train.npy"),
    "idx": ("fashionmnist", lambda to: write_files(to / "fashionmnist", idx_contents()),
            "fashionmnist/t10k-labels-idx1-ubyte"),
    "idx.gz": ("fashionmnist", lambda to: write_files(to / "fashionmnist", compressed_idx(idx_contents())),
               "fashionmnist/train-images-idx3-ubyte.gz"),
    "batch": ("cifar10", lambda to: write_files(to / "cifar10" / BATCHES, cifar10_contents()),
              f"cifar10/{BATCHES}/data_batch_3"),
    "archive": ("cifar10", lambda to: write(to / "cifar10" / ARCHIVE, cifar10_archive({})), f"cifar10/{ARCHIVE}"),
    "zip": ("gtsrb", lambda to: write_files(to / "gtsrb", gtsrb_archives()),
            "gtsrb/GTSRB_Final_Training_Images.zip"),
    "zip of labels": ("gtsrb", lambda to: write_files(to / "gtsrb", gtsrb_archives()),
                      "gtsrb/GTSRB_Final_Test_GT.zip"),
    "official CSV": ("gtsrb", lambda to: write_gtsrb_folders(to / "gtsrb"), f"gtsrb/{_OFFICIAL}/GT-00001.csv"),
    "official image": ("gtsrb", lambda to: write_gtsrb_folders(to / "gtsrb"), f"gtsrb/{_OFFICIAL}/00000_00000.ppm"),
    "Kaggle's CSV": ("gtsrb", lambda to: write_gtsrb_kaggle(to / "gtsrb"), "gtsrb/Train.csv"),
    "Kaggle's image": ("gtsrb", lambda to: write_gtsrb_kaggle(to / "gtsrb"), "gtsrb/Test/00000.png"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _at_once(tmp_path, monkeypatch):
    """An end to what waits for a pipe or reads a device, and a cache folder of the tests' own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))

    def end(*_):
        raise AssertionError("it waits, or reads without an end")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def error_of(call):
    with pytest.raises(InputError) as error:
        call()
    assert len(str(error.value).splitlines()) <= 2
    return str(error.value)


@linux
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_a_special_file_is_one_error_that_names_it(tmp_path, monkeypatch, place, kind):
    name, build, file = PLACES[place]
    name = name.format(tmp_path)
    publish_tiny(monkeypatch.setattr)
    build(tmp_path)
    path = tmp_path / file
    path.unlink()
    KINDS[kind](path)
    messages = []

    def ask():
        messages.append(error_of(lambda: registry.load(name, tmp_path)))
        if kind != "8 GB of nothing" or name != "gtsrb":  # whose images `data` does not open
            row = dataset_row(name, tmp_path)
            messages.append(row.problem or f"{row.path}: {row.missing_files}")

    assert peak_bytes(ask) < 200 * 2**20
    for message in messages:
        assert path.name in message
        assert str(path.parent) in message


@pytest.mark.parametrize("kind", KINDS)
def test_a_special_file_among_those_of_hugging_face_is_named(tmp_path, kind):
    pytest.importorskip("datasets")
    path = save(tmp_path / "pets", train=table((0, 1, 0, 1))) / "train/state.json"
    path.unlink()
    KINDS[kind](path)
    assert str(path) in error_of(lambda: registry.load(f"hf:{tmp_path}/pets", tmp_path))


@pytest.mark.parametrize("kind", ["a pipe", "/dev/zero", "a link"])
def test_a_partial_download_is_never_followed(tmp_path, monkeypatch, kind):
    valuable = write(tmp_path / "valuable/archive.zip", "mine").parent
    partial = tmp_path / "data/.download-archive.zip"
    partial.parent.mkdir()
    (KINDS.get(kind) or (lambda path: path.symlink_to(valuable)))(partial)
    monkeypatch.setattr(download, "download_url", lambda _, folder, name, __: write(folder / name, "other"))
    target = download.fetch("http://x/archive.zip", tmp_path / "data", "0")
    assert (target.read_text(), (valuable / "archive.zip").read_text()) == ("other", "mine")
    assert not os.path.lexists(partial)


# --- sizes that headers claim


def header_of(shape, dtype="|u1"):
    """The first bytes of an `.npy` file."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def npz_of(path, content, claimed=None, compression=zipfile.ZIP_DEFLATED):
    """An archive of one array, whose size in the archive's directory is replaced."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x.npy", content)
        archive.writestr("y.npy", header_of((2,)) + b"\0\1")
        if claimed is not None:
            archive.filelist[0].file_size = claimed
    return path


CLAIMS = {
    "14.9 GiB": (header_of((16_000_000_000,)), None),
    "14.9 GiB in both headers": (header_of((16_000_000_000,)), 16_000_000_100),
    "less than nothing": (header_of((-2, -4, 4)) + bytes(32), None),
    "values without a size": (header_of((10**12,), "<U0"), None),
    "more than numbers hold": (header_of((10**30, 8, 8)), None),
    "a header of 4 GB": (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + b" " * 100, None),
    "a header that is no header": (b"\x93NUMPY\x01\x00" + struct.pack("<H", 8) + b"{[]: 1} ", None),
}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_an_npz_that_claims_more_than_it_has_is_damaged(tmp_path, claim, compression):
    content, claimed = CLAIMS[claim]
    path = npz_of(tmp_path / "own.npz", content, claimed, compression)
    messages = []
    ask = lambda: messages.append(error_of(lambda: registry.load(f"npz:{path}", tmp_path)))  # noqa: E731
    assert peak_bytes(ask) < 2**22
    assert messages[0].startswith(f"{path} is damaged or not a file of NumPy arrays (")


@pytest.mark.parametrize("claim", CLAIMS)
def test_an_npy_that_claims_more_than_it_has_is_damaged(tmp_path, claim):
    path = write(tmp_path / "own/x.npy", CLAIMS[claim][0])
    write(tmp_path / "own/y.npy", header_of((2,)) + b"\0\1")
    assert error_of(lambda: registry.load(f"npz:{path.parent}", tmp_path)).startswith(f"{path} is damaged")


def test_an_npz_of_another_compression_is_refused(tmp_path):
    path = npz_of(tmp_path / "own.npz", header_of((4,)) + bytes(4), compression=zipfile.ZIP_LZMA)
    assert "another method than deflate" in error_of(lambda: registry.load(f"npz:{path}", tmp_path))


def test_an_array_of_many_equal_values_may_be_small(tmp_path):
    labels = np.arange(4) % 2
    np.savez_compressed(tmp_path / "own.npz", x_train=np.zeros((4, 99, 99)), y_train=labels,
                        x_test=np.zeros((4, 99, 99)), y_test=labels)  # fmt: skip
    assert len(registry.load(f"npz:{tmp_path}/own.npz", tmp_path).train) == 4
