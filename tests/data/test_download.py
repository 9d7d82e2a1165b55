import os
import signal
import threading

import pytest

from harness.data import download as fetch_module
from harness.data.download import LOCK, fetch
from harness.errors import InputError
from tests.data.builders import (
    PATIENCE_SECONDS,
    exit_code,
    files_under,
    linux,
    md5,
    started,
    unreadable,
    wait_until,
    write,
)
from tests.data.serving import refusing_address, serve

CONTENT = b"the published file" * 100


def refusal_of(url, folder, checksum=None):
    with pytest.raises(InputError) as refusal:
        fetch(url, folder, checksum or md5(CONTENT))
    return str(refusal.value)


def names_url_and_folder_in_two_lines(message, url, folder):
    return url in message and str(folder) in message and len(message.splitlines()) <= 2


def test_a_file_is_downloaded_to_the_folder_under_its_own_name(tmp_path):
    with serve({"/some/where/data.bin": CONTENT}) as (address, _):
        path = fetch(f"{address}some/where/data.bin", tmp_path / "new/folder", md5(CONTENT))
    assert path == tmp_path / "new/folder/data.bin"
    assert path.read_bytes() == CONTENT
    assert files_under(tmp_path) == ["new/folder/data.bin"]


def test_a_present_file_is_not_downloaded_again(tmp_path):
    path = write(tmp_path / "data.bin", CONTENT)
    with serve({"/data.bin": CONTENT}) as (address, asked):
        assert fetch(f"{address}data.bin", tmp_path, md5(CONTENT)) == path
    assert asked == []


def test_a_damaged_file_is_downloaded_again(tmp_path):
    path = write(tmp_path / "data.bin", "damaged")
    with serve({"/data.bin": CONTENT}) as (address, _):
        fetch(f"{address}data.bin", tmp_path, md5(CONTENT))
    assert path.read_bytes() == CONTENT


def test_a_file_with_a_wrong_checksum_is_refused_and_removed(tmp_path):
    with serve({"/data.bin": b"something else"}) as (address, _):
        url = f"{address}data.bin"
        message = refusal_of(url, tmp_path)
    assert names_url_and_folder_in_two_lines(message, url, tmp_path)
    assert files_under(tmp_path) == []


def test_a_wrong_checksum_is_named_as_the_cause(tmp_path):
    with serve({"/data.bin": b"something else"}) as (address, _):
        message = refusal_of(f"{address}data.bin", tmp_path)
    assert "MD5" in message or "checksum" in message


def test_a_file_that_the_server_lacks_is_refused(tmp_path):
    with serve({}) as (address, _):
        url = f"{address}data.bin"
        message = refusal_of(url, tmp_path)
    assert names_url_and_folder_in_two_lines(message, url, tmp_path)
    assert "Not Found" in message
    assert files_under(tmp_path) == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nonly this", id="shorter than announced"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", id="chunks cut off"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello", id="cut off in a chunk"),
        pytest.param(b"", id="hung up"),
        pytest.param(b"this is not HTTP\r\n\r\n", id="not HTTP"),
        pytest.param(b"HTTP/1.0 302 Found\r\nLocation: /data.bin\r\n\r\n", id="redirected in circles"),
        pytest.param(b"HTTP/1.0 302 Found\r\nLocation: file:///etc/hostname\r\n\r\n", id="redirected to a file"),
    ],
)
def test_a_broken_download_is_an_input_error_and_leaves_nothing(tmp_path, answer):
    with serve({"/data.bin": (answer,)}) as (address, _):
        url = f"{address}data.bin"
        message = refusal_of(url, tmp_path)
    assert url in message
    assert str(tmp_path) in message
    assert files_under(tmp_path) == []


def test_a_failed_download_keeps_the_present_file(tmp_path):
    write(tmp_path / "data.bin", "older")
    with serve({"/data.bin": b"something else"}) as (address, _):
        refusal_of(f"{address}data.bin", tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == b"older"


def test_a_refused_connection_is_an_input_error(tmp_path):
    url = f"{refusing_address()}data.bin"
    assert names_url_and_folder_in_two_lines(refusal_of(url, tmp_path), url, tmp_path)
    assert files_under(tmp_path) == []


def test_an_interrupted_download_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(_, root, filename, __):
        write(fetch_module.Path(root) / filename, CONTENT[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch_module, "download_url", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch("http://127.0.0.1/data.bin", tmp_path, md5(CONTENT))
    assert files_under(tmp_path) == []


def test_a_full_disk_is_an_input_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch_module, "download_url", full)
    message = refusal_of("http://127.0.0.1/data.bin", tmp_path)
    assert "No space left on device" in message


def test_a_file_instead_of_the_folder_is_an_input_error(tmp_path):
    folder = write(tmp_path / "data", "a file")
    with serve({"/data.bin": CONTENT}) as (address, _):
        message = refusal_of(f"{address}data.bin", folder)
    assert str(folder) in message
    assert folder.read_text() == "a file"


@linux
def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = unreadable(tmp_path / "data.bin")
    assert f"{path} cannot be read: Input/output error" in refusal_of("http://127.0.0.1/data.bin", tmp_path)


# --- a download that is killed, and two at once

LARGE = bytes(range(256)) * 1000
ONE_DOWNLOAD = ["/data.bin"] * 2  # torchvision asks first where the address leads
HEADER = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE)


def fetch_large(address, folder):
    fetch(f"{address}data.bin", folder, md5(LARGE))


def test_the_next_download_removes_the_rest_of_a_killed_one(tmp_path):
    over = threading.Event()

    def answer_half_way(stream):
        stream.write(HEADER + LARGE[: len(LARGE) // 2])
        if asked == ONE_DOWNLOAD:
            over.wait(PATIENCE_SECONDS)

    with serve({"/data.bin": answer_half_way}) as (address, asked):
        process = started(fetch_large, address, tmp_path)
        wait_until(lambda: any((tmp_path / name).stat().st_size for name in files_under(tmp_path)))
        process.kill()
        assert exit_code(process) == -signal.SIGKILL
        over.set()
    (left,) = files_under(tmp_path)
    assert left != "data.bin"
    with serve({"/data.bin": LARGE}) as (address, asked):
        fetch_large(address, tmp_path)
    assert asked == ONE_DOWNLOAD
    assert files_under(tmp_path) == ["data.bin"]
    assert (tmp_path / "data.bin").read_bytes() == LARGE
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK, "data.bin"]


@pytest.mark.slow
def test_two_processes_download_a_file_only_once(tmp_path, monkeypatch):
    both_are_here = threading.Event()

    def answer_once_both_are_here(stream):
        both_are_here.wait(PATIENCE_SECONDS)
        stream.write(HEADER + LARGE)

    def locked(folder):
        both_are_here.set()
        return fetch_module_locked(folder)

    fetch_module_locked = fetch_module.locked
    with serve({"/data.bin": answer_once_both_are_here}) as (address, asked):
        other = started(fetch_large, address, tmp_path)
        wait_until(lambda: asked)
        monkeypatch.setattr(fetch_module, "locked", locked)
        fetch_large(address, tmp_path)
        assert exit_code(other) == 0
    assert asked == ONE_DOWNLOAD
    assert files_under(tmp_path) == ["data.bin"]


def test_a_killed_process_does_not_keep_the_lock(tmp_path):
    process = started(be_killed_with_the_lock, tmp_path)
    assert exit_code(process) == -signal.SIGKILL
    assert (tmp_path / LOCK).exists()
    with fetch_module.locked(tmp_path):
        pass


def be_killed_with_the_lock(folder):
    with fetch_module.locked(folder):
        os.kill(os.getpid(), signal.SIGKILL)
