"""CIFAR-10 (Krizhevsky 2009) in its publisher's layout: the python batches, or their archive."""

import contextlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

import torch
import torchvision

from harness.config.datasets import SPECS
from harness.data.download import fetch, has_md5, locked
from harness.data.images import ImageSet, evenly_spaced
from harness.data.own_folders import make_empty_folder
from harness.data.source import Source, incomplete, tree_key
from harness.errors import InputError
from harness.files import write_atomically

_Published = torchvision.datasets.CIFAR10
ARCHIVE_URL = _Published.url
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
_MAX_UNPACKED_BYTES = 512 * 2**20  # it unpacks to 186 MB; much more is a decompression bomb
FILES = "cifar-10-python.tar.gz, unpacked or not"


def locate(data_dir: Path) -> Source | None:
    """Return the batches or the archive found in ``cifar10`` or, like torchvision's, in the data folder."""
    counts = (SPECS["cifar10"].train_images, SPECS["cifar10"].test_images)
    for root in (data_dir / "cifar10", data_dir):
        for present in (root / _Published.base_folder, root / _Published.filename):
            if present.exists():
                layout = "python batches" if present.is_dir() else "archive"
                missing = [name for name in _batches_md5() if present.is_dir() and not (present / name).exists()]
                if missing:
                    return incomplete(layout, present, missing)
                # Not of the archive: the first time it is read it is unpacked, and its batches are found the next time.
                key = partial(tree_key, present) if present.is_dir() else None
                return Source(layout, present, lambda: counts, partial(_verify, root), partial(_read, root), key=key)
    return None


def download(data_dir: Path) -> None:
    """Download the archive into ``cifar10`` or beside incomplete batches, which it then completes."""
    source = locate(data_dir)
    root = data_dir / "cifar10" if source is None else source.path.parent
    archive = fetch(ARCHIVE_URL, root, ARCHIVE_MD5)
    if (root / _Published.base_folder).is_dir():
        _complete(archive, root)


def _batches_md5() -> dict[str, str]:
    """Return the published MD5 of each file in the folder of batches."""
    lists = [*_Published.train_list, *_Published.test_list, (_Published.meta["filename"], _Published.meta["md5"])]
    return dict(lists)


def _verify(root: Path) -> bool:
    batches = root / _Published.base_folder
    if batches.is_dir():
        files = [(batches / name, md5) for name, md5 in _batches_md5().items()]
    else:
        files = [(root / _Published.filename, ARCHIVE_MD5)]
    for path, md5 in files:
        if not has_md5(path, md5):
            raise InputError(f"{path} is not the published file: its MD5 is not {md5}; unpack or download it again")
    return True


def _read(root: Path, train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
    """Read both splits.

    The batches are pickles; torchvision opens them only if they have the published checksums.
    """
    archive = root / _Published.filename
    if not (root / _Published.base_folder).is_dir():
        if not has_md5(archive, ARCHIVE_MD5):
            raise InputError(
                f"{archive} is not the published archive (its MD5 is not {ARCHIVE_MD5}): download it again"
            )
        _unpack(archive, root)
    train, test = (_read_split(root, split, limit) for split, limit in ((True, train_limit), (False, test_limit)))
    return train, test


def _unpack(archive: Path, root: Path) -> None:
    """Unpack the archive's folder into ``root``, completely or not at all.

    Raises:
        InputError: the archive cannot be unpacked, or has members that CIFAR-10's does not have.
    """
    batches = root / _Published.base_folder
    unpacked = root / f".unpacking-{batches.name}"
    with _unpacking(archive, root):
        if batches.is_dir():
            return  # another process unpacked it while this one waited
        try:
            make_empty_folder(unpacked)
            _write_members(archive, unpacked)
            os.replace(unpacked, batches)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)


def _complete(archive: Path, root: Path) -> None:
    """Unpack the files that the folder of batches lacks, or has with other content.

    Raises:
        InputError: as for `_unpack`.
    """
    with _unpacking(archive, root):
        _write_members(archive, root / _Published.base_folder)


@contextlib.contextmanager
def _unpacking(archive: Path, root: Path) -> Iterator[None]:
    """Hold the lock on the data folder; turn errors of the archive or the disk into an `InputError`."""
    try:
        with locked(root):
            yield
    except InputError:
        raise
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise InputError(f"{archive} cannot be unpacked into {root}: {error}") from error


def _write_members(archive: Path, folder: Path) -> None:
    """Write the archive's files into a folder, except those that are there with the published content."""
    published = _batches_md5()
    with tarfile.open(archive) as tar:
        for name, content in _members(tar, archive):
            if not has_md5(folder / name, published.get(name)):
                write_atomically(folder / name, partial(shutil.copyfileobj, content))


def _members(tar: tarfile.TarFile, archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and content of each file in the archive's only folder."""
    left = _MAX_UNPACKED_BYTES
    for member in tar:
        if member.isdir() and member.name == _Published.base_folder:
            continue
        folder, _, name = member.name.partition("/")
        is_file = member.isreg() and member.size >= 0  # a negative size would be read forever
        content = tar.extractfile(member) if is_file else None
        if content is None or folder != _Published.base_folder or name in ("", "..") or "/" in name or "\\" in name:
            raise InputError(
                f"{archive} has the unexpected member {member.name!r}: it was not unpacked; download it again"
            )
        left -= member.size
        if left < 0:
            raise InputError(f"{archive} would unpack to more than {_MAX_UNPACKED_BYTES:,} bytes: it was not unpacked")
        yield name, content


def _read_split(root: Path, train: bool, limit: int | None) -> ImageSet:
    folder = root / _Published.base_folder
    try:
        published = _Published(root, train=train, download=False)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from error
    except RuntimeError as error:
        raise InputError(
            f"{folder} is incomplete or damaged: remove it and unpack {_Published.filename} again"
        ) from error
    index = torch.tensor(evenly_spaced(len(published.data), limit))
    pixels = torch.from_numpy(published.data).permute(0, 3, 1, 2)
    return ImageSet(pixels[index].contiguous(), torch.tensor(published.targets)[index])
