"""CIFAR-10 (Krizhevsky 2009) in its publisher's layout: the python batches, or the archive that holds them."""

from functools import partial
from pathlib import Path

import torch
import torchvision
from torchvision.datasets.utils import check_integrity, extract_archive

from harness.datasets.fetch import fetch
from harness.datasets.images import ImageSet, evenly_spaced
from harness.datasets.source import Source
from harness.datasets.spec import SPECS
from harness.errors import InputError

_Published = torchvision.datasets.CIFAR10
ARCHIVE_URL = _Published.url
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
FILES = "cifar-10-python.tar.gz, unpacked or not"


def locate(data_dir: Path) -> Source | None:
    """The batches or the archive, in ``cifar10`` or, as torchvision lays it, in the data folder itself."""
    spec = SPECS["cifar10"]
    for root in (data_dir / "cifar10", data_dir):
        for present in (root / _Published.base_folder, root / _Published.filename):
            if present.exists():
                return Source(
                    "python batches" if present.is_dir() else "archive",
                    present,
                    lambda: (spec.train_images, spec.test_images),
                    partial(_verify, root),
                    partial(_read, root),
                )
    return None


def download(data_dir: Path) -> None:
    """Fetch the archive into ``cifar10``."""
    fetch(ARCHIVE_URL, data_dir / "cifar10", ARCHIVE_MD5)


def _verify(root: Path) -> bool:
    batches = root / _Published.base_folder
    if not batches.is_dir():
        return bool(check_integrity(root / _Published.filename, ARCHIVE_MD5))
    files = [*_Published.train_list, *_Published.test_list, (_Published.meta["filename"], _Published.meta["md5"])]
    return all(check_integrity(batches / name, md5) for name, md5 in files)


def _read(root: Path, train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
    """Both splits. The batches are pickles: torchvision opens them only if their checksums are the published ones."""
    archive = root / _Published.filename
    if not (root / _Published.base_folder).is_dir():
        if not check_integrity(archive, ARCHIVE_MD5):
            raise InputError(
                f"{archive} is not the published archive (its MD5 is not {ARCHIVE_MD5}): download it again"
            )
        try:
            extract_archive(archive, root)
        except OSError as error:
            raise InputError(f"{archive} cannot be unpacked into {root}: {error.strerror or error}") from error
    train, test = (_read_split(root, split, limit) for split, limit in ((True, train_limit), (False, test_limit)))
    return train, test


def _read_split(root: Path, train: bool, limit: int | None) -> ImageSet:
    try:
        published = _Published(root, train=train, download=False)
    except RuntimeError as error:
        folder = root / _Published.base_folder
        raise InputError(
            f"{folder} is incomplete or damaged: remove it and unpack {_Published.filename} again"
        ) from error
    index = torch.tensor(evenly_spaced(len(published.data), limit))
    pixels = torch.from_numpy(published.data).permute(0, 3, 1, 2)
    return ImageSet(pixels[index].contiguous(), torch.tensor(published.targets)[index])
