"""The key of a cache: which images it holds, and by which code they were decoded."""

import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import PIL

from harness.config.datasets import DatasetSpec, is_own_images, kind_of
from harness.data.source import Source
from harness.source_code import executed

_DECODING_CODE = ("decoding.py", "image_formats.py", "images.py", "source.py", "split.py", "formats/*.py")
_SOURCE = Path(__file__).parent
_LENGTH = 16


@dataclass(frozen=True)
class CacheKey:
    """The key of a dataset's cache.

    Attributes:
        size: a hash of the size to which its images are resized. Own images of several layouts may lie in one folder:
            in all but class folders, the layout is before it.
        content: a hash of names, sizes and times of its files, and of its classes.
    """

    size: str
    content: str

    @property
    def name(self) -> str:
        """The name of the cache's files, without a suffix."""
        return f"{self.size}-{self.content}"


def cache_key(source: Source, spec: DatasetSpec, resize_to: object) -> CacheKey | None:
    """Return the key of a dataset's cache; None if it is never cached.

    Args:
        resize_to: the size to which its images are resized.

    Raises:
        OSError: a file of the dataset cannot be found.
    """
    if source.key is None:
        return None
    described = {**asdict(spec), "name": None}  # a folder that moves keeps its cache
    content = _hash(source.layout, source.key(), json.dumps(described))
    kind = kind_of(spec.name)
    prefix = f"{kind}-" if is_own_images(spec.name) and kind != "folder" else ""
    return CacheKey(f"{prefix}{_hash(repr(resize_to))[:8]}", content)


def versions() -> dict[str, str]:
    """Return what decides the pixels beside the files: Pillow's version, and the code as `source_version`."""
    return {"pillow": PIL.__version__, "source": source_version()}


@functools.cache
def source_version() -> str:
    """Return a hash of the files of the code that reads and decodes images."""
    return _hash(*(path.read_text(encoding="utf-8") for path in _code()))


@functools.cache
def code_version() -> str:
    """Return a hash of what executes in those files: comments do not count."""
    return _hash(*(executed(path.read_bytes()) for path in _code()))


def place_hash(path: str) -> str:
    """Return a hash of a path, for the name of a folder."""
    return _hash(path)[:8]


def _code() -> Iterator[Path]:
    return (path for pattern in _DECODING_CODE for path in sorted(_SOURCE.glob(pattern)))


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
