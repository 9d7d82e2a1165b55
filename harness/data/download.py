"""Downloading a published file, through torchvision's utilities, with progress and a checksum."""

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
from harness.files import put_in_place, synchronise

_SILENCE_SECONDS = 60.0
LOCK = ".download.lock"


def fetch(url: str, folder: Path, md5: str) -> Path:
    """The file of that URL in ``folder``, downloaded unless it is there with that checksum.

    It is downloaded beside its place and moved there only when it is whole, so an interruption leaves nothing behind
    that could be taken for the file; what a killed process left is removed by the next. One process at a time downloads
    into a folder, others wait for it.

    Raises:
        InputError: it could not be had; the message says which file to put where.
    """
    target = folder / url.rsplit("/", 1)[-1]
    if has_md5(target, md5):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):  # another process may have got it while this one waited
            failure = None if has_md5(target, md5) else _try_download(url, target, md5)
    except OSError as error:
        failure = str(error)
    if failure is not None:
        raise InputError(
            f"could not download {url} ({failure})\nput that file into {folder}, or name another folder with --data-dir"
        )
    return target


def has_md5(path: Path, md5: str) -> bool:
    """Whether the file is there and its content has that checksum.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return bool(check_integrity(path, md5))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Be the one process that adds files to a data folder; others are waited for."""
    with filelock.FileLock(folder / LOCK):
        yield


def _try_download(url: str, target: Path, md5: str) -> str | None:
    """Download to ``target``: None, or why that failed. The error itself is let go, and the connections it holds."""
    partial = target.with_name(f".download-{target.name}")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        with _silence_limited():
            download_url(url, partial, target.name, md5)
        with open(partial / target.name, "rb+") as file:
            synchronise(file)
        put_in_place(partial / target.name, target)
    except RuntimeError:
        return f"what came does not have the published MD5 {md5}"
    except (URLError, HTTPException, OSError) as error:
        return str(getattr(error, "reason", None) or error)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return None


@contextlib.contextmanager
def _silence_limited() -> Iterator[None]:
    """Give up on a server that says nothing for a minute; torchvision's download would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
