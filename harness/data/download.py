"""Downloads of published files, by torchvision's utilities, with a progress bar and a checksum."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import filelock
from torchvision.datasets.utils import check_integrity, download_url

from harness.errors import InputError
from harness.files import flush_to_disk, put_in_place

_TIMEOUT_SECONDS = 60.0  # without data from the server
LOCK = ".download.lock"


def fetch(url: str, folder: Path, md5: str) -> Path:
    """Return the path of the URL's file in ``folder``; download it unless it is there with that checksum.

    The file is moved to its name only after the download is complete, so an interruption leaves no partial file under
    that name. The next download removes what a killed process left. One process at a time downloads into a folder; the
    others wait.

    Raises:
        InputError: the download failed. The message says which file to put where.
    """
    target = folder / url.rsplit("/", 1)[-1]
    if has_md5(target, md5):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):  # another process may have downloaded it while this one waited
            failure = None if has_md5(target, md5) else _try_download(url, target, md5)
    except OSError as error:
        failure = str(error)
    if failure is not None:
        raise InputError(
            f"could not download {url} ({failure})\nput that file into {folder}, or name another folder with --data-dir"
        )
    return target


def has_md5(path: Path, md5: str | None, most_bytes: int | None = None) -> bool:
    """Return whether the file exists with that checksum; without one, whether it exists.

    Args:
        most_bytes: the largest size that a file of its kind has; a larger one is not read.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        is_too_large = most_bytes is not None and path.is_file() and path.stat().st_size > most_bytes
        return not is_too_large and bool(check_integrity(path, md5))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock under which files are added to a data folder; wait while another process holds it."""
    with filelock.FileLock(folder / LOCK):
        yield


def _try_download(url: str, target: Path, md5: str) -> str | None:
    """Download to ``target``; return None or the reason of the failure.

    The reason is text because an exception would keep its connections open.
    """
    partial = target.with_name(f".download-{target.name}")
    try:
        remove_leftover(partial)
        partial.mkdir()
        with limited_silence():
            download_url(url, partial, target.name, md5)
        with open(partial / target.name, "rb+") as file:
            flush_to_disk(file)
        put_in_place(partial / target.name, target)
    except RuntimeError:
        return f"the downloaded file does not have the published MD5 {md5}"
    except (URLError, HTTPException, OSError) as error:
        return str(getattr(error, "reason", None) or error)
    finally:
        remove_leftover(partial)
    return None


def remove_leftover(path: Path) -> None:
    """Remove a folder that a killed process left, or whatever has its name; never follow a link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def limited_silence() -> Iterator[None]:
    """Give up on a server that sends nothing for a minute; torchvision's download would wait forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
