import gzip
import multiprocessing
import os
import signal
import tarfile
from pathlib import Path

import pytest

from harness.data import download as fetch
from harness.data.download import LOCK
from harness.data.formats import cifar10
from harness.errors import InputError
from harness.files import write_atomically
from tests.data.builders import (
    PATIENCE_SECONDS,
    cifar10_archive,
    exit_code,
    files_under,
    md5,
    started,
    write,
)
from tests.data.formats.cifar10_files import ARCHIVE, BATCHES, publish_tiny


def member(name=f"{BATCHES}/data_batch_1", content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def tar_gz(*members):
    """Return an archive of these members with any declared sizes."""
    blocks = b""
    for info, content in members:
        blocks += info.tobuf(tarfile.GNU_FORMAT) if info.size < 0 else info.tobuf(tarfile.PAX_FORMAT)
        blocks += content + b"\0" * (-len(content) % 512)
    return gzip.compress(blocks + b"\0" * 1024, mtime=0)


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write an archive to its path as if it were the published one."""

    def put_archive(content):
        monkeypatch.setattr(cifar10, "ARCHIVE_MD5", md5(content))
        return write(tmp_path / "data/cifar10" / ARCHIVE, content)

    return put_archive


def refusal_of(archive):
    """Return the error for an archive; check that nothing was unpacked in its folder or near it."""
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
    monkeypatch.setattr(cifar10, "_MAX_UNPACKED_BYTES", 2 * 2**20)
    megabyte = bytes(2**20)
    members = [member(f"{BATCHES}/data_batch_{number}", megabyte) for number in range(3)]
    assert "would unpack to more than 2,097,152 bytes" in refusal_of(put(tar_gz(*members)))


def test_a_member_that_ends_before_its_declared_size_is_an_input_error(put):
    refusal_of(put(tar_gz(member(content=b"good"), member(f"{BATCHES}/short", size=100_000))))


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no tar", mtime=0), b"\x1f\x8b"])
def test_a_file_that_is_not_an_archive_is_an_input_error(put, content):
    assert "cannot be unpacked" in refusal_of(put(content))


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


def test_the_next_run_unpacks_again_after_a_kill(tmp_path, published_tiny):
    write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published_tiny))
    assert exit_code(started(unpack_and_be_killed, tmp_path)) == -signal.SIGKILL
    assert len(files_under(tmp_path)) == 4, "the archive, two files and half of a third"
    assert cifar10.locate(tmp_path).layout == "archive"
    train, test = cifar10.locate(tmp_path).read(None, None)
    assert (len(train), len(test)) == (10, 2)
    names = [ARCHIVE, *(f"{BATCHES}/{name}" for name in published_tiny)]
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


def test_two_processes_unpack_only_once_and_both_succeed(tmp_path, published_tiny, monkeypatch):
    def locked(folder):
        is_here.set()
        return fetch.locked(folder)

    write(tmp_path / "cifar10" / ARCHIVE, cifar10_archive(published_tiny))
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
    assert len(files_under(tmp_path)) == 1 + len(published_tiny)
