import pytest

from harness.datasets import fetch as fetch_module
from harness.datasets.fetch import fetch
from harness.errors import InputError
from tests.datasets.builders import files_under, md5, refusing_address, serve, write

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


def test_a_file_that_is_there_is_not_fetched_again(tmp_path):
    path = write(tmp_path / "data.bin", CONTENT)
    with serve({"/data.bin": CONTENT}) as (address, asked):
        assert fetch(f"{address}data.bin", tmp_path, md5(CONTENT)) == path
    assert asked == []


def test_a_damaged_file_that_is_there_is_replaced(tmp_path):
    path = write(tmp_path / "data.bin", "damaged")
    with serve({"/data.bin": CONTENT}) as (address, _):
        fetch(f"{address}data.bin", tmp_path, md5(CONTENT))
    assert path.read_bytes() == CONTENT


def test_a_file_with_another_checksum_is_refused_and_nothing_is_left(tmp_path):
    with serve({"/data.bin": b"something else"}) as (address, _):
        url = f"{address}data.bin"
        message = refusal_of(url, tmp_path)
    assert names_url_and_folder_in_two_lines(message, url, tmp_path)
    assert files_under(tmp_path) == []


def test_the_refusal_of_another_checksum_says_that_it_is_the_checksum(tmp_path):
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


def test_a_failed_download_keeps_what_was_there(tmp_path):
    write(tmp_path / "data.bin", "older")
    with serve({"/data.bin": b"something else"}) as (address, _):
        refusal_of(f"{address}data.bin", tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == b"older"


def test_nobody_listening_is_an_input_error(tmp_path):
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


def test_a_file_in_the_place_of_the_folder_is_an_input_error(tmp_path):
    folder = write(tmp_path / "data", "a file")
    with serve({"/data.bin": CONTENT}) as (address, _):
        message = refusal_of(f"{address}data.bin", folder)
    assert str(folder) in message
    assert folder.read_text() == "a file"
