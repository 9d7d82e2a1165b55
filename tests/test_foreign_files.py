"""Files and folders of strangers: no special file blocks, no size is taken on trust."""

import os
from pathlib import Path

import pytest

from harness.foreign_files import list_folder, open_regular, read_regular, sha256_of
from tests.helpers.users import without_rights

_LIMIT = 1000


def test_regular_file_is_read_and_hashed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 3) == b"abc"
    assert sha256_of(tmp_path / "file", 3).startswith("ba7816bf")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "socket"])
def test_special_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mknod(path, 0o140644)
    for read in (open_regular, read_regular, sha256_of):
        with pytest.raises(OSError, match=f"a {kind}|No such device"):
            read(path, _LIMIT)


def test_file_above_its_limit_is_refused_with_both_sizes(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(8 * 2**30)
    for read in (open_regular, read_regular, sha256_of):
        with pytest.raises(OSError, match="8,589,934,592 bytes, and such a file has at most 1,000"):
            read(tmp_path / "sparse", _LIMIT)


def test_endless_file_of_size_zero_is_refused() -> None:
    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux has files whose size is not known before")
    for read in (read_regular, sha256_of):
        with pytest.raises(OSError, match="more bytes, and such a file has at most 10"):
            read("/proc/self/maps", 10)


def test_absent_folder_is_empty_and_unreadable_one_an_error(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    (tmp_path / "a").touch()
    assert list_folder(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert list_folder(tmp_path / "absent") == []
    with without_rights(tmp_path), pytest.raises(PermissionError):
        list_folder(tmp_path)
