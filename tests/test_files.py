import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.files import (
    append_line,
    checked_json,
    distinct_names,
    expand_home,
    os_error_as_input_error,
    put_in_place,
    quarantine,
    read_each,
    remove_temporary_files,
    require_writable,
    with_sha256,
    write_atomically,
    write_text_atomically,
)
from harness.foreign_files import sha256_of

VERSION = {"schema_version": 1}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_failed_write_leaves_the_old_content_and_no_other_file(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def fail_half_way(file):
        file.write(b"ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail_half_way)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_syncs_the_file_renames_it_and_syncs_the_folder(tmp_path, monkeypatch):
    path, steps = tmp_path / "kept.txt", []
    path.write_text("old")
    fsync, rename = os.fsync, os.replace

    def note_fsync(descriptor):
        what = os.readlink(f"/proc/self/fd/{descriptor}")
        steps.append("folder" if what == str(tmp_path) else f"file, {path.read_text()} in place")
        fsync(descriptor)

    def note_rename(source, target):
        steps.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_rename)
    write_text_atomically(path, "new")
    assert steps == ["file, old in place", "rename", "folder"]
    assert path.read_text() == "new"


def test_text_is_written_as_utf_8(tmp_path):
    write_text_atomically(tmp_path / "text", "ω ≥ 1")
    assert (tmp_path / "text").read_bytes() == "ω ≥ 1".encode()


def test_writing_leaves_no_file_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for text in ("one", "two", "three"):
        write_text_atomically(tmp_path / "text", text)
    assert len(os.listdir("/proc/self/fd")) == before


def test_lines_are_appended(tmp_path):
    for line in ("one", "ω"):
        append_line(tmp_path / "lines", line)
    assert (tmp_path / "lines").read_bytes() == "one\nω\n".encode()


def test_appended_line_is_synchronised(tmp_path, monkeypatch):
    synchronised, fsync = [], os.fsync

    def note(descriptor):
        fsync(descriptor)
        synchronised.append((tmp_path / "lines").read_text())

    monkeypatch.setattr(os, "fsync", note)
    append_line(tmp_path / "lines", "one")
    assert synchronised == ["one\n"]


def test_only_temporary_files_of_killed_processes_are_removed(tmp_path):
    left, others = f".writing-{'0a' * 16}", [".writing-list", f".writing-{'b' * 32}", "writing-of-mine"]
    (tmp_path / left).write_text("ha")
    (tmp_path / others[0]).write_text("my own list")
    (tmp_path / others[1]).mkdir()
    (tmp_path / others[2]).write_text("whole")
    remove_temporary_files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_unwritable_folder_is_named_with_its_option(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--results-dir .*file/x cannot be written to .*give another folder"):
        require_writable(tmp_path / "file/x", "--results-dir")


def test_quarantined_file_is_renamed_to_refused(tmp_path):
    (tmp_path / "result.json").write_text("odd")
    quarantine(tmp_path / "result.json")
    assert [path.name for path in tmp_path.iterdir()] == ["result.json.refused"]


def test_existing_unwritable_folder_is_named_with_its_option():
    with pytest.raises(InputError, match="--results-dir /proc cannot be written to"):
        require_writable(Path("/proc"), "--results-dir")


def test_os_error_without_errno_keeps_its_text():
    message = "cannot save \\(the disk fell out\\): try again"
    with pytest.raises(InputError, match=message), os_error_as_input_error("save", "try again"):
        raise OSError("the disk fell out")


def test_os_error_becomes_task_reason_and_remedy():
    message = "cannot write results to r \\(No space left on device\\): free space"
    with pytest.raises(InputError, match=message), os_error_as_input_error("write results to r", "free space"):
        raise OSError(28, "No space left on device")


def test_sha256_of_a_file_is_that_of_its_content(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert sha256_of(tmp_path / "file", 7) == hashlib.sha256(b"content").hexdigest()


def test_read_each_returns_contents_and_problems(tmp_path):
    def read(path):
        if path.name == "b":
            raise InputError(f"{path.name} is damaged")
        return path.name

    assert read_each([tmp_path / name for name in "cba"], read) == (["a", "c"], ["b is damaged"])


@given(st.dictionaries(st.text().filter(lambda key: key != "sha256"), JSON, max_size=5))
def test_sealed_content_round_trips(content):
    assert checked_json(with_sha256(content | VERSION), 1) == content | VERSION


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_flipped_bit_is_detected_or_harmless(position, bit):
    content = {"schema_version": 1, "accuracy_percent": 98.75, "epochs": [1, 2, 3], "name": "resnet20-4 ω"}
    damaged = bytearray(with_sha256(content).encode())
    damaged[position % len(damaged)] ^= 1 << bit
    try:
        assert checked_json(bytes(damaged), 1) == content  # for example another white-space character
    except ValueError as error:
        assert str(error)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(content):
    with pytest.raises(ValueError, match=".+"):
        checked_json(content, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "not a JSON object"),
        ("{}", "its schema_version is None, this harness reads 1"),
        ('{"schema_version": 2}', "its schema_version is 2, this harness reads 1"),
        ('{"schema_version": 1}', "no SHA-256"),
        ('{"schema_version": 1, "sha256": "0"}', "damaged, or changed by hand"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ('{"schema_version": 1, "a": NaN, "sha256": "0"}', "not JSON compliant"),
    ],
)
def test_unsealed_text_is_refused_with_the_reason(text, message):
    with pytest.raises(ValueError, match=message):
        checked_json(text, 1)


def test_names_that_are_not_utf8_are_spelled_out_when_read():
    content = {"file": "caf\udce9/net.py", "by \udcff": ["\U0001fae8", 1, None, {"a": "\ud800"}], **VERSION}
    read = {"file": r"caf\xe9/net.py", r"by \xff": ["\U0001fae8", 1, None, {"a": r"\ud800"}], **VERSION}
    assert checked_json(with_sha256(content), 1) == read
    assert checked_json(with_sha256(read), 1) == read


def test_order_of_entries_and_spaces_do_not_matter():
    seal = json.loads(with_sha256(VERSION | {"b": 2}))["sha256"]
    assert checked_json(f'{{"sha256":"{seal}","b":2,"schema_version":1}}', 1) == VERSION | {"b": 2}


def test_put_in_place_replaces_the_old_file(tmp_path):
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    put_in_place(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"
    assert not (tmp_path / "new").exists()


def test_folders_with_the_same_last_name_get_distinct_names():
    paths = [Path("/a/results"), Path("/b/results"), Path("/c/b/results"), Path("/d/runs"), Path(), Path("/d/runs")]
    names = ["a/results", "b/results", "c/b/results", "d/runs", Path.cwd().name, "d/runs (2)"]
    assert distinct_names(paths) == names


def test_a_tilde_becomes_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand_home("~/r") == tmp_path / "r"
    assert expand_home(Path("/a/~")) == Path("/a/~")


def test_the_unknown_home_of_a_tilde_is_an_input_error():
    with pytest.raises(InputError, match="~nosuchuser/r: the home folder ~ is unknown: set HOME"):
        expand_home("~nosuchuser/r")
