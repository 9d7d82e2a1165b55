"""FashionMNIST (Xiao et al. 2017) in its publisher's layout: four idx files, compressed or not."""

import gzip
import hashlib
import io
import math
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torchvision

from harness.config.datasets import SPECS
from harness.data.download import fetch
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source, incomplete, tree_key
from harness.errors import InputError
from harness.files import quarantine
from harness.foreign_files import read_regular
from harness.text import count_noun

_Published = torchvision.datasets.FashionMNIST
MIRROR_URL = _Published.mirrors[0]
COMPRESSED_MD5 = dict(_Published.resources)
# Redistributors recompress the files, so the decompressed content is compared: that of the published files.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
FILES = f"the four *-ubyte.gz files of {MIRROR_URL}, unpacked or not"
_LAYOUT = "idx files"
_UNSIGNED_BYTE = 8
_MAX_BYTES = 64 * 2**20  # the largest file has 47,040,016; much more is a decompression bomb


def locate(data_dir: Path) -> Source | None:
    """Return the idx files found in ``fashionmnist`` or in torchvision's ``FashionMNIST/raw``."""
    for root in (data_dir / "fashionmnist", data_dir / "fashionmnist/FashionMNIST/raw", data_dir / "FashionMNIST/raw"):
        missing = [name for name in SHA256 if not any(path.is_file() for path in (root / name, root / f"{name}.gz"))]
        if not missing:
            files = [_path(root, name) for name in SHA256]
            read, key = partial(_read, root), partial(tree_key, *files)
            return Source(_LAYOUT, root, partial(_count, root), partial(_verify, root), read, key=key)
        if len(missing) < len(SHA256):
            return incomplete(_LAYOUT, root, [f"{name}.gz" for name in missing])
    return None


def download(data_dir: Path) -> None:
    """Download the missing files, and those with other content, to the others or into ``fashionmnist``."""
    source = locate(data_dir)
    root = data_dir / "fashionmnist" if source is None else source.path
    for name, md5 in COMPRESSED_MD5.items():
        plain = root / name.removesuffix(".gz")
        if not _is_published(root, plain.name):
            fetch(f"{MIRROR_URL}{name}", root, md5)
            if plain.is_file():
                quarantine(plain)  # it would be read instead of the download


def _is_published(root: Path, name: str) -> bool:
    """Return whether the file is there, plain or compressed, with the published content."""
    try:
        _, content = _read_bytes(root, name)
    except InputError:
        return False
    return hashlib.sha256(content).hexdigest() == SHA256[name]


def _path(root: Path, name: str) -> Path:
    """Return the path of a file, plain or compressed."""
    plain = root / name
    return plain if plain.is_file() else root / f"{name}.gz"


def _read_bytes(root: Path, name: str) -> tuple[Path, bytes]:
    """Return the path and the decompressed content of a file, plain or compressed."""
    path = _path(root, name)
    try:
        stored = read_regular(path, _MAX_BYTES)
        content = stored if path.name == name else gzip.GzipFile(fileobj=io.BytesIO(stored)).read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise InputError(
                f"{path} holds more than {_MAX_BYTES:,} bytes: it is not FashionMNIST's; download it again"
            )
        return path, content
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: download it again") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} is damaged ({reason}): download it again") from error


def _count(root: Path) -> tuple[int, int]:
    train, test = (len(_read_idx(root, f"{split}-labels-idx1-ubyte", 1)[1]) for split in ("train", "t10k"))
    return train, test


def _verify(root: Path) -> bool:
    for name, sha256 in SHA256.items():
        path, content = _read_bytes(root, name)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise InputError(f"{path} is not the published file (SHA-256 of its content): download it again")
    return True


def _read_idx(root: Path, name: str, dimensions: int) -> tuple[Path, np.ndarray]:
    """Read an idx file of unsigned bytes: a magic number, the sizes (big-endian), the values."""
    path, content = _read_bytes(root, name)
    header = 4 * (1 + dimensions)
    if len(content) >= header:
        magic, *shape = struct.unpack(f">{1 + dimensions}I", content[:header])
        if magic == _UNSIGNED_BYTE << 8 | dimensions and 0 < math.prod(shape) == len(content) - header:
            return path, np.frombuffer(content, np.uint8, offset=header).reshape(shape)
    raise InputError(f"{path} is damaged: it is not a complete idx file of {dimensions} dimensions; download it again")


def _read(root: Path, train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
    return _read_split(root, "train", train_limit), _read_split(root, "t10k", test_limit)


def _read_split(root: Path, split: str, limit: int | None) -> ImageSet:
    spec = SPECS["fashionmnist"]
    images_path, images = _read_idx(root, f"{split}-images-idx3-ubyte", 3)
    labels_path, labels = _read_idx(root, f"{split}-labels-idx1-ubyte", 1)
    if len(images) != len(labels):
        counts = count_noun(len(images), "image"), count_noun(len(labels), "label")
        raise InputError(f"{images_path} has {counts[0]} but {labels_path} {counts[1]}: download both again")
    if images.shape[1:] != (spec.image_size, spec.image_size):
        raise InputError(f"{images_path} has images of {images.shape[2]}×{images.shape[1]}; FashionMNIST's are 28×28")
    if labels.max() >= spec.num_classes:
        raise InputError(f"{labels_path}: label {labels.max()} is out of range 0 to {spec.num_classes - 1}")
    index = evenly_spaced(len(labels), limit)
    return ImageSet(torch.from_numpy(images[index])[:, None], torch.from_numpy(labels[index]).long())
