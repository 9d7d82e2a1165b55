"""Downloading a published file, through torchvision's utilities, with progress and a checksum."""

import shutil
import tempfile
from pathlib import Path
from urllib.error import URLError

from torchvision.datasets.utils import check_integrity, download_url

from harness.errors import InputError


def fetch(url: str, folder: Path, md5: str) -> Path:
    """The file of that URL in ``folder``, downloaded unless it is there with that checksum.

    It is downloaded beside its place and moved there only when it is whole, so an interruption leaves nothing behind
    that could be taken for the file.

    Raises:
        InputError: it could not be had; the message says which file to put where.
    """
    target = folder / url.rsplit("/", 1)[-1]
    if check_integrity(target, md5):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as partial:
            download_url(url, partial, target.name, md5)
            shutil.move(Path(partial) / target.name, target)
    except (URLError, OSError, RuntimeError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"could not download {url} ({reason})\nput that file into {folder}, or name another folder with --data-dir"
        ) from error
    return target
