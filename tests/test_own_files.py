"""Writes go only into files of one's own: no link and no hard link carries them to another file."""

import os
import uuid

import pytest

from harness.files import (
    append_line,
    open_to_overwrite,
    put_in_place,
    quarantine,
    write_text_atomically,
)
from tests.helpers.planted import LINKS, is_untouched, plant


@pytest.mark.parametrize("kind", LINKS)
def test_line_is_not_appended_to_another_name_of_the_file(kind, tmp_path):
    other = plant(kind, tmp_path / "lines", "one\n")
    for line in ("two", "three"):
        append_line(tmp_path / "lines", line)
    assert other.read_text() == "one\n"
    assert (tmp_path / "lines").read_text() == "one\ntwo\nthree\n"
    assert not (tmp_path / "lines").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines", "other"]


def test_line_is_appended_in_place_to_a_file_of_its_own(tmp_path):
    append_line(tmp_path / "lines", "one")
    inode = (tmp_path / "lines").stat().st_ino
    append_line(tmp_path / "lines", "two")
    assert (tmp_path / "lines").stat().st_ino == inode


@pytest.mark.parametrize(("kind", "reason"), [("pipe", "it is a pipe"), ("device", "it is a device")])
def test_line_is_not_appended_to_a_special_file(kind, reason, tmp_path):
    plant(kind, tmp_path / "lines")
    with pytest.raises(OSError, match=reason):
        append_line(tmp_path / "lines", "one")


@pytest.mark.parametrize("kind", [*LINKS, "pipe", "device", "dangling", "other_user"])
def test_file_opened_to_overwrite_is_a_new_one_if_shared(kind, tmp_path):
    plant(kind, tmp_path / "spare", "content")
    with open_to_overwrite(tmp_path / "spare") as file:
        assert file.read() == b""
        file.write(b"new")
    assert (tmp_path / "spare").read_bytes() == b"new"
    found = (tmp_path / "spare").lstat()
    assert (found.st_nlink, found.st_uid) == (1, os.geteuid())
    assert is_untouched(kind, tmp_path / "spare", "content")


def test_file_of_its_own_is_reused_with_its_content(tmp_path):
    (tmp_path / "spare").write_text("content")
    inode = (tmp_path / "spare").stat().st_ino
    with open_to_overwrite(tmp_path / "spare") as file:
        assert file.read() == b"content"
        assert os.fstat(file.fileno()).st_ino == inode


def test_folder_is_not_overwritten_but_named(tmp_path):
    (tmp_path / "spare").mkdir()
    with pytest.raises(IsADirectoryError, match="spare is a folder"):
        open_to_overwrite(tmp_path / "spare")


def test_refused_file_leaves_no_descriptor_open(tmp_path):
    plant("hard_link", tmp_path / "spare", "content")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        append_line(tmp_path / "spare", "line")
        open_to_overwrite(tmp_path / "spare").close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("kind", LINKS)
def test_atomic_write_leaves_the_other_name_of_the_file(kind, tmp_path):
    other = plant(kind, tmp_path / "text", "old")
    write_text_atomically(tmp_path / "text", "new")
    assert (other.read_text(), (tmp_path / "text").read_text()) == ("old", "new")


@pytest.mark.parametrize("kind", LINKS)
def test_temporary_file_is_always_a_new_one(kind, tmp_path, monkeypatch):
    foreseen = uuid.UUID(int=7)
    monkeypatch.setattr(uuid, "uuid4", lambda: foreseen)
    other = plant(kind, tmp_path / f".writing-{foreseen.hex}", "precious")
    with pytest.raises(FileExistsError):
        write_text_atomically(tmp_path / "text", "new")
    assert other.read_text() == "precious"


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("rename", [put_in_place, lambda one, _: quarantine(one)])
def test_rename_over_a_link_leaves_its_target(rename, kind, tmp_path):
    other = plant(kind, tmp_path / "new.refused", "precious")
    (tmp_path / "new").write_text("new")
    rename(tmp_path / "new", tmp_path / "new.refused")
    assert (other.read_text(), (tmp_path / "new.refused").read_text()) == ("precious", "new")
