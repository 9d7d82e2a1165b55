import gzip
import multiprocessing
import os
import signal
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from harness.data import download as fetch
from harness.data.download import LOCK
from harness.data.formats import cifar10
from harness.errors import InputError
from harness.files import write_atomically
from tests.data.builders import (
    CIFAR10_BATCHES,
    PATIENCE_SECONDS,
    cifar10_archive,
    cifar10_batch,
    cifar10_contents,
    exit_code,
    files_under,
    linux,
    md5,
    serve,
    started,
    unreadable,
    write,
    write_files,
)

BATCHES = "cifar-10-batches-py"
ARCHIVE = "cifar-10-python.tar.gz"


def publish_tiny(replace=setattr):
    """Two images to a batch are what is published, from now on. Gives the content of each file of the folder."""
    contents = cifar10_contents()
    batches = [[name, md5(contents[name])] for name in CIFAR10_BATCHES]
    replace(torchvision.datasets.CIFAR10, "train_list", batches[:5])
    replace(torchvision.datasets.CIFAR10, "test_list", batches[5:])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5(contents["batches.meta"])}
    replace(torchvision.datasets.CIFAR10, "meta", meta)
    replace(cifar10, "ARCHIVE_MD5", md5(cifar10_archive(contents)))
    return contents


@pytest.fixture
def published(monkeypatch):
    return publish_tiny(monkeypatch.setattr)


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


def test_batches_are_read_in_order_as_channels_first(tmp_path, published):
    write_files(tmp_path / "cifar10" / BATCHES, published)
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


def test_the_archive_is_read_like_the_batches(tmp_path, published):
    write(tmp_path / "packed/cifar10" / ARCHIVE, cifar10_archive(published))
    write_files(tmp_path / "unpacked/cifar10" / BATCHES, published)
    packed, unpacked = (cifar10.locate(tmp_path / place).read(None, None) for place in ("packed", "unpacked"))
    for one, other in zip(packed, unpacked, strict=True):
        assert torch.equal(one.pixels, other.pixels)
        assert torch.equal(one.labels, other.labels)


def test_a_slice_is_spread_over_the_batches(tmp_path, published):
    write_files(tmp_path / BATCHES, published)
    source = cifar10.locate(tmp_path)
    whole, (train, test) = source.read(None, None), source.read(5, 1)
    assert torch.equal(train.pixels, whole[0].pixels[[0, 2, 4, 6, 8]])
    assert torch.equal(train.labels, whole[0].labels[[0, 2, 4, 6, 8]])
    assert len(test) == 1


def test_the_published_batches_and_archive_are_verified(tmp_path, published):
    write(tmp_path / "packed/cifar10" / ARCHIVE, cifar10_archive(published))
    write_files(tmp_path / "unpacked/cifar10" / BATCHES, published)
    assert cifar10.locate(tmp_path / "packed").verify() is True
    assert cifar10.locate(tmp_path / "unpacked").verify() is True


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch"])
@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_batch_is_named_and_not_read(tmp_path, published, name, damage):
    folder = write_files(tmp_path / "cifar10" / BATCHES, published)
    if damage == "missing":
        (folder / name).unlink()
    else:
        write(folder / name, published[name] + b".")
    source = cifar10.locate(tmp_path)
    with pytest.raises(InputError, match=f"{folder / name} is not the published file"):
        source.verify()
    with pytest.raises(InputError, match=f"{folder} is incomplete or damaged") as refusal:
        source.read(None, None)
    assert ARCHIVE in str(refusal.value)


def test_the_file_of_class_names_is_required(tmp_path, published):
    folder = write_files(tmp_path / "cifar10" / BATCHES, published)
    (folder / "batches.meta").unlink()
    source = cifar10.locate(tmp_path)
    with pytest.raises(InputError, match=f"{folder} is incomplete or damaged"):
        source.read(None, None)
    with pytest.raises(InputError, match=f"{folder}/batches.meta is not the published file"):
        source.verify()


def test_a_pickle_that_is_not_the_published_one_is_never_opened(tmp_path):
    trap = b"cos\nsystem\n(S'touch %s'\ntR." % str(tmp_path / "sprung").encode()
    write_files(tmp_path / "cifar10" / BATCHES, dict.fromkeys([*CIFAR10_BATCHES, "batches.meta"], trap))
    with pytest.raises(InputError, match="incomplete or damaged"):
        cifar10.locate(tmp_path).read(None, None)
    assert not (tmp_path / "sprung").exists()


def test_another_archive_is_named_and_not_unpacked(tmp_path, published):
    archive = write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published)[:-20])
    source = cifar10.locate(tmp_path)
    with pytest.raises(InputError, match=f"{archive} is not the published file"):
        source.verify()
    with pytest.raises(InputError, match=f"{archive} is not the published archive"):
        source.read(None, None)
    assert not (tmp_path / "cifar10" / BATCHES).exists()


@pytest.mark.usefixtures("published")
def test_an_empty_folder_of_batches_is_named(tmp_path):
    folder = tmp_path / "cifar10" / BATCHES
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match=f"{folder} is incomplete or damaged"):
        cifar10.locate(tmp_path).read(None, None)


def test_an_archive_that_cannot_be_unpacked_is_an_input_error(tmp_path, published, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published))
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(InputError, match=ARCHIVE) as refusal:
        cifar10.locate(tmp_path).read(None, None)
    assert "No space left on device" in str(refusal.value)
    assert files_under(tmp_path) == [f"cifar10/{ARCHIVE}"]


def test_the_downloaded_archive_is_located(tmp_path, published, monkeypatch):
    content = cifar10_archive(published)
    with serve({f"/{ARCHIVE}": content}) as (address, _):
        monkeypatch.setattr(cifar10, "ARCHIVE_URL", f"{address}{ARCHIVE}")
        cifar10.download(tmp_path)
    source = cifar10.locate(tmp_path)
    assert source.path.read_bytes() == content
    assert source.verify() is True
    assert len(source.read(None, None)[0]) == 10


# --- archives that are hostile, with the checksum of a published one


def member(name=f"{BATCHES}/data_batch_1", content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def tar_gz(*members):
    """An archive of those members, whatever their declared sizes."""
    blocks = b""
    for info, content in members:
        blocks += info.tobuf(tarfile.GNU_FORMAT) if info.size < 0 else info.tobuf(tarfile.PAX_FORMAT)
        blocks += content + b"\0" * (-len(content) % 512)
    return gzip.compress(blocks + b"\0" * 1024, mtime=0)


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Put an archive in its place as if it were the published one."""

    def put_archive(content):
        monkeypatch.setattr(cifar10, "ARCHIVE_MD5", md5(content))
        return write(tmp_path / "data/cifar10" / ARCHIVE, content)

    return put_archive


def refusal_of(archive):
    """What is said of the archive; nothing of it is left, in its folder or anywhere near."""
    around = archive.parents[2]
    before = files_under(around)
    with pytest.raises(InputError) as refusal:
        cifar10.locate(archive.parents[1]).read(None, None)
    assert files_under(around) == before
    assert sorted(path.name for path in archive.parent.iterdir()) == [LOCK, archive.name]
    assert cifar10.locate(archive.parents[1]).layout == "archive"
    assert str(archive) in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/tmp/evil",
        "evil",
        f"{BATCHES}/../../evil",
        f"{BATCHES}/../evil",
        f"{BATCHES}/..",
        f"{BATCHES}/deeper/evil",
        f"{BATCHES}/..\\evil",
        f"./{BATCHES}/evil",
    ],
)
def test_a_member_outside_the_folder_is_refused_and_named(put, name):
    archive = put(tar_gz(member(content=b"good"), member(name, b"evil")))
    assert f"has the unexpected member {name!r}: it was not unpacked" in refusal_of(archive)
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"?"],
)
@pytest.mark.parametrize("target", ["../../evil", "data_batch_1", f"{BATCHES}/data_batch_1", "/etc/hostname"])
def test_a_member_that_is_not_a_file_is_refused_and_named(put, kind, target):
    odd = member(f"{BATCHES}/odd", type=kind, linkname=target, devmajor=1, devminor=3)
    archive = put(tar_gz(member(content=b"good"), odd))
    assert f"has the unexpected member '{BATCHES}/odd'" in refusal_of(archive)


def test_a_link_instead_of_the_folder_is_refused(put, tmp_path):
    link = member(BATCHES, type=tarfile.SYMTYPE, linkname=str(tmp_path))
    assert f"has the unexpected member {BATCHES!r}" in refusal_of(put(tar_gz(link, member(content=b"evil"))))


def test_a_member_with_an_impossible_name_is_refused(put):
    odd = member(f"{BATCHES}/odd", b"evil", pax_headers={"path": f"{BATCHES}/ev\0il"})
    refusal_of(put(tar_gz(member(content=b"good"), odd)))


def test_a_member_of_a_negative_size_is_refused(put):
    assert f"has the unexpected member '{BATCHES}/odd'" in refusal_of(
        put(tar_gz(member(content=b"good"), member(f"{BATCHES}/odd", size=-512)))
    )


def test_a_member_declared_too_large_is_refused_before_unpacking(put):
    archive = put(tar_gz(member(content=b"good"), member(f"{BATCHES}/bomb", size=10 * 2**40)))
    assert "would unpack to more than 536,870,912 bytes" in refusal_of(archive)


def test_members_that_are_too_large_together_are_refused(put, monkeypatch):
    monkeypatch.setattr(cifar10, "_MOST_UNPACKED_BYTES", 2 * 2**20)
    megabyte = bytes(2**20)
    members = [member(f"{BATCHES}/data_batch_{number}", megabyte) for number in range(3)]
    assert "would unpack to more than 2,097,152 bytes" in refusal_of(put(tar_gz(*members)))


def test_a_member_that_ends_before_its_declared_size_is_an_input_error(put):
    refusal_of(put(tar_gz(member(content=b"good"), member(f"{BATCHES}/short", size=100_000))))


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no tar", mtime=0), b"\x1f\x8b"])
def test_a_file_that_is_not_an_archive_is_an_input_error(put, content):
    assert "cannot be unpacked" in refusal_of(put(content))


# --- an unpacking that is killed, and two at once


def unpack_and_be_killed(data_dir):
    publish_tiny()
    count = 0

    def write_the_third_half_way(path, write):
        nonlocal count
        count += 1
        write_atomically(path, be_killed if count == 3 else write)

    def be_killed(file):
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    cifar10.write_atomically = write_the_third_half_way
    cifar10.locate(data_dir).read(None, None)


def test_the_next_run_unpacks_again_after_a_kill(tmp_path, published):
    write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published))
    assert exit_code(started(unpack_and_be_killed, tmp_path)) == -signal.SIGKILL
    assert len(files_under(tmp_path)) == 4, "the archive, two files and half of a third"
    assert cifar10.locate(tmp_path).layout == "archive"
    train, test = cifar10.locate(tmp_path).read(None, None)
    assert (len(train), len(test)) == (10, 2)
    names = [ARCHIVE, *(f"{BATCHES}/{name}" for name in published)]
    assert files_under(tmp_path) == sorted(f"cifar10/{name}" for name in names)
    assert cifar10.locate(tmp_path).verify() is True


def unpack_first(data_dir, has_begun, other_is_here):
    """Unpack, the first file only once the other process wants to unpack too."""
    publish_tiny()

    def write_late(path, write):
        has_begun.set()
        other_is_here.wait(PATIENCE_SECONDS)
        write_atomically(path, write)

    cifar10.write_atomically = write_late
    assert len(cifar10.locate(data_dir).read(None, None)[0]) == 10


def test_two_processes_unpack_only_once_and_both_succeed(tmp_path, published, monkeypatch):
    def locked(folder):
        is_here.set()
        return fetch.locked(folder)

    write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published))
    source = cifar10.locate(tmp_path)
    context = multiprocessing.get_context("spawn")
    has_begun, is_here = context.Event(), context.Event()
    other = started(unpack_first, tmp_path, has_begun, is_here)
    assert has_begun.wait(PATIENCE_SECONDS)
    monkeypatch.setattr(cifar10, "locked", locked)
    monkeypatch.setattr(cifar10, "write_atomically", None)  # there will be nothing to write
    assert len(source.read(None, None)[0]) == 10
    assert exit_code(other) == 0
    assert source.verify() is True
    assert len(files_under(tmp_path)) == 1 + len(published)


# --- a disk that cannot be read


@pytest.mark.parametrize("name", [ARCHIVE, f"{BATCHES}/data_batch_2"])
@linux
def test_a_file_that_cannot_be_read_is_named(tmp_path, published, name):
    if name != ARCHIVE:
        write_files(tmp_path / "cifar10" / BATCHES, published)
    path = unreadable(tmp_path / "cifar10" / name)
    for look in (cifar10.locate(tmp_path).verify, lambda: cifar10.locate(tmp_path).read(None, None)):
        with pytest.raises(InputError, match=f"{path if name == ARCHIVE else path.parent}.*Input/output error"):
            look()
