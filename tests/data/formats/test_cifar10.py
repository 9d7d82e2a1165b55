import numpy as np
import pytest
import torch
import torchvision

from harness.data.formats import cifar10
from harness.errors import InputError
from tests.data.builders import (
    CIFAR10_BATCHES,
    cifar10_archive,
    cifar10_batch,
    files_under,
    linux,
    unreadable,
    write,
    write_files,
)
from tests.data.formats.cifar10_files import ARCHIVE, BATCHES
from tests.data.serving import serve


def test_the_published_checksum_agrees_with_torchvision():
    assert cifar10.ARCHIVE_MD5 == torchvision.datasets.CIFAR10.tgz_md5
    assert cifar10.ARCHIVE_URL.rsplit("/", 1)[-1] == ARCHIVE
    assert ARCHIVE in cifar10.FILES


def test_nothing_is_found_in_an_empty_folder(tmp_path):
    assert cifar10.locate(tmp_path) is None
    (tmp_path / "cifar10").mkdir()
    assert cifar10.locate(tmp_path) is None


@pytest.mark.parametrize("place", ["cifar10", "."])
def test_batches_are_found_in_either_folder(tmp_path, place):
    (tmp_path / place / BATCHES).mkdir(parents=True)
    source = cifar10.locate(tmp_path)
    assert source.path == tmp_path / place / BATCHES
    assert source.layout == "python batches"


@pytest.mark.parametrize("place", ["cifar10", "."])
def test_the_archive_is_found_in_either_folder(tmp_path, place):
    write(tmp_path / place / ARCHIVE, "")
    source = cifar10.locate(tmp_path)
    assert source.path == tmp_path / place / ARCHIVE
    assert source.layout == "archive"


def test_batches_precede_their_archive(tmp_path):
    write(tmp_path / "cifar10" / ARCHIVE, "")
    (tmp_path / "cifar10" / BATCHES).mkdir()
    assert cifar10.locate(tmp_path).layout == "python batches"


def test_the_datasets_folder_precedes_the_data_folder(tmp_path):
    write(tmp_path / "cifar10" / ARCHIVE, "")
    (tmp_path / BATCHES).mkdir()
    assert cifar10.locate(tmp_path).path == tmp_path / "cifar10" / ARCHIVE


def test_batches_are_read_in_order_as_channels_first(tmp_path, published_tiny):
    write_files(tmp_path / "cifar10" / BATCHES, published_tiny)
    train, test = cifar10.locate(tmp_path).read(None, None)
    assert train.pixels.shape == (10, 3, 32, 32)
    assert test.pixels.shape == (2, 3, 32, 32)
    assert train.pixels.dtype == torch.uint8
    assert train.pixels.is_contiguous()
    batches = [cifar10_batch(name) for name in CIFAR10_BATCHES]
    assert np.array_equal(train.pixels.reshape(10, -1), np.concatenate([batch["data"] for batch in batches[:5]]))
    assert np.array_equal(test.pixels.reshape(2, -1), batches[5]["data"])
    assert train.labels.tolist() == [label for batch in batches[:5] for label in batch["labels"]]
    assert test.labels.tolist() == batches[5]["labels"]
    assert train.labels.dtype == torch.int64


def test_the_archive_is_read_like_the_batches(tmp_path, published_tiny):
    write(tmp_path / "packed/cifar10" / ARCHIVE, cifar10_archive(published_tiny))
    write_files(tmp_path / "unpacked/cifar10" / BATCHES, published_tiny)
    packed, unpacked = (cifar10.locate(tmp_path / place).read(None, None) for place in ("packed", "unpacked"))
    for one, other in zip(packed, unpacked, strict=True):
        assert torch.equal(one.pixels, other.pixels)
        assert torch.equal(one.labels, other.labels)


def test_a_slice_is_spread_over_the_batches(tmp_path, published_tiny):
    write_files(tmp_path / BATCHES, published_tiny)
    source = cifar10.locate(tmp_path)
    whole, (train, test) = source.read(None, None), source.read(5, 1)
    assert torch.equal(train.pixels, whole[0].pixels[[0, 2, 4, 6, 8]])
    assert torch.equal(train.labels, whole[0].labels[[0, 2, 4, 6, 8]])
    assert len(test) == 1


def test_the_published_batches_and_archive_are_verified(tmp_path, published_tiny):
    write(tmp_path / "packed/cifar10" / ARCHIVE, cifar10_archive(published_tiny))
    write_files(tmp_path / "unpacked/cifar10" / BATCHES, published_tiny)
    assert cifar10.locate(tmp_path / "packed").verify() is True
    assert cifar10.locate(tmp_path / "unpacked").verify() is True


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
def test_a_damaged_batch_is_named_and_not_read(tmp_path, published_tiny, name):
    folder = write_files(tmp_path / "cifar10" / BATCHES, published_tiny)
    write(folder / name, published_tiny[name] + b".")
    source = cifar10.locate(tmp_path)
    with pytest.raises(InputError, match=f"{folder / name} is not the published file"):
        source.verify()
    with pytest.raises(InputError, match=f"{folder / name} is incomplete or damaged") as refusal:
        source.read(None, None)
    assert ARCHIVE in str(refusal.value)


def test_exactly_the_missing_batches_are_named(tmp_path, published_tiny):
    folder = write_files(tmp_path / "cifar10" / BATCHES, published_tiny)
    for name in ("data_batch_3", "batches.meta"):
        (folder / name).unlink()
    source = cifar10.locate(tmp_path)
    for look in (source.count, source.verify, lambda: source.read(None, None)):
        with pytest.raises(InputError, match=f"{folder} lacks data_batch_3 and batches.meta: put what is missing"):
            look()


def test_a_download_completes_batches_and_keeps_those_that_are_right(tmp_path, published_tiny, monkeypatch):
    folder = write_files(tmp_path / BATCHES, published_tiny)
    (folder / "test_batch").unlink()
    write(folder / "data_batch_2", "damaged")
    kept = (folder / "data_batch_1").stat().st_ino
    with serve({f"/{ARCHIVE}": cifar10_archive(published_tiny)}) as (address, asked):
        monkeypatch.setattr(cifar10, "ARCHIVE_URL", f"{address}{ARCHIVE}")
        cifar10.download(tmp_path)
        assert set(asked) == {f"/{ARCHIVE}"}
        asked.clear()
        cifar10.download(tmp_path)
    assert asked == []
    source = cifar10.locate(tmp_path)
    assert source.path == folder
    assert source.verify() is True
    assert (folder / "data_batch_1").stat().st_ino == kept


def test_a_pickle_that_is_not_the_published_one_is_never_opened(tmp_path):
    trap = b"cos\nsystem\n(S'touch %s'\ntR." % str(tmp_path / "sprung").encode()
    write_files(tmp_path / "cifar10" / BATCHES, dict.fromkeys([*CIFAR10_BATCHES, "batches.meta"], trap))
    with pytest.raises(InputError, match="incomplete or damaged"):
        cifar10.locate(tmp_path).read(None, None)
    assert not (tmp_path / "sprung").exists()


def test_another_archive_is_named_and_not_unpacked(tmp_path, published_tiny):
    archive = write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published_tiny)[:-20])
    source = cifar10.locate(tmp_path)
    with pytest.raises(InputError, match=f"{archive} is not the published file"):
        source.verify()
    with pytest.raises(InputError, match=f"{archive} is not the published archive"):
        source.read(None, None)
    assert not (tmp_path / "cifar10" / BATCHES).exists()


@pytest.mark.usefixtures("published_tiny")
def test_an_empty_folder_of_batches_is_named(tmp_path):
    folder = tmp_path / "cifar10" / BATCHES
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match=f"{folder} lacks data_batch_1, "):
        cifar10.locate(tmp_path).read(None, None)


def test_an_archive_that_cannot_be_unpacked_is_an_input_error(tmp_path, published_tiny, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published_tiny))
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(InputError, match=ARCHIVE) as refusal:
        cifar10.locate(tmp_path).read(None, None)
    assert "No space left on device" in str(refusal.value)
    assert files_under(tmp_path) == [f"cifar10/{ARCHIVE}"]


def test_the_downloaded_archive_is_located(tmp_path, published_tiny, monkeypatch):
    content = cifar10_archive(published_tiny)
    with serve({f"/{ARCHIVE}": content}) as (address, _):
        monkeypatch.setattr(cifar10, "ARCHIVE_URL", f"{address}{ARCHIVE}")
        cifar10.download(tmp_path)
    source = cifar10.locate(tmp_path)
    assert source.path.read_bytes() == content
    assert source.verify() is True
    assert len(source.read(None, None)[0]) == 10


@pytest.mark.parametrize("name", [ARCHIVE, f"{BATCHES}/data_batch_2"])
@linux
def test_a_file_that_cannot_be_read_is_named(tmp_path, published_tiny, name):
    if name != ARCHIVE:
        write_files(tmp_path / "cifar10" / BATCHES, published_tiny)
    path = unreadable(tmp_path / "cifar10" / name)
    for look in (cifar10.locate(tmp_path).verify, lambda: cifar10.locate(tmp_path).read(None, None)):
        with pytest.raises(InputError, match=f"{path if name == ARCHIVE else path.parent}.*Input/output error"):
            look()
