"""CIFAR-10 (Krizhevsky 2009) in its publisher's layout: the python batches, or their archive."""

import contextlib
import hashlib
import os
import pickle
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
import torchvision

from harness.config.datasets import SPECS
from harness.data.download import fetch, has_md5, locked, remove_leftover
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source, incomplete, tree_key
from harness.errors import InputError
from harness.files import write_atomically
from harness.foreign_files import read_regular

_Published = torchvision.datasets.CIFAR10
ARCHIVE_URL = _Published.url
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
_MAX_UNPACKED_BYTES = 512 * 2**20  # it unpacks to 186 MB; much more is a decompression bomb
_MOST_ARCHIVE_BYTES = 256 * 2**20  # it has 170,498,071
_MOST_BATCH_BYTES = 64 * 2**20  # each has about 31,000,000
FILES = f"cifar-10-python.tar.gz (from {ARCHIVE_URL}), unpacked or not"


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
        files = [(batches / name, md5, _MOST_BATCH_BYTES) for name, md5 in _batches_md5().items()]
    else:
        files = [(root / _Published.filename, ARCHIVE_MD5, _MOST_ARCHIVE_BYTES)]
    for path, md5, most_bytes in files:
        if not has_md5(path, md5, most_bytes):
            raise InputError(f"{path} is not the published file: its MD5 is not {md5}; unpack or download it again")
    return True


def _read(root: Path, train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
    """Read both splits.

    The batches are pickles, see `_read_batch`.
    """
    archive = root / _Published.filename
    if not (root / _Published.base_folder).is_dir():
        if not has_md5(archive, ARCHIVE_MD5, _MOST_ARCHIVE_BYTES):
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
        remove_leftover(unpacked)  # left by a killed process
        try:
            unpacked.mkdir()
            _write_members(archive, unpacked)
            os.replace(unpacked, batches)
        finally:
            remove_leftover(unpacked)


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
            if not has_md5(folder / name, published.get(name), _MOST_BATCH_BYTES):
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
    batches = [
        _read_batch(root / _Published.base_folder / name, md5)
        for name, md5 in (_Published.train_list if train else _Published.test_list)
    ]
    pixels = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([batch["labels"] for batch in batches])
    index = evenly_spaced(len(labels), limit)
    return ImageSet(torch.from_numpy(pixels[index]), torch.from_numpy(labels[index]).long())


def _read_batch(path: Path, md5: str) -> dict[str, Any]:
    """Return the content of a batch.

    It is a pickle, which is opened only if those very bytes have the published checksum.

    Raises:
        InputError: it cannot be read, or has other content.
    """
    try:
        content = read_regular(path, _MOST_BATCH_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise InputError(
            f"{path} is incomplete or damaged: remove {path.parent} and unpack {_Published.filename} again"
        )
    batch: dict[str, Any] = pickle.loads(content, encoding="latin1")
    return batch
