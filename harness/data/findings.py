"""Findings: the layout and the spec that a dataset's files show, kept beside its cache.

To list many files and to open them is long. While names, sizes and times of the files stay, what they showed is read
from a small file instead, by any process.
"""

import contextlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.config.datasets import DatasetSpec, kind_of
from harness.data.cache_file import PIXELS
from harness.data.cache_key import versions
from harness.data.cache_places import cache_places
from harness.files import checked_json, with_sha256, write_text_atomically
from harness.users_files import read_of_user

FINDING = ".finding"
_SCHEMA_VERSION = 1
_MOST_BYTES = 16 * 2**20  # the names of the classes: 20,000 of Unicode's longest take less


@dataclass(frozen=True)
class Finding:
    """The layout and the spec that a dataset's files show.

    Attributes:
        layout: see `harness.data.source.Source`.
    """

    layout: str
    spec: DatasetSpec


# By the dataset's name and path: the key of its files, and what they show.
_KNOWN: dict[tuple[str, Path], tuple[str, Finding]] = {}


def find(name: str, path: Path, data_dir: Path, key: Callable[[], str], look: Callable[[], Finding]) -> Finding:
    """Return what a dataset's files show, as it is known; look through them if they have changed.

    Args:
        name, path, data_dir: see `cache_places`.
        key: returns a text that changes with the files.
        look: looks through the files.

    Raises:
        InputError: as ``look`` raises it.
    """
    try:
        state = key()
    except OSError:  # a look through the files names what is missing
        return look()
    known = _KNOWN.get((name, path))
    if known is None or known[0] != state:
        known = state, _read(name, cache_places(name, path, data_dir), state) or look()
        _KNOWN[name, path] = known
    return known[1]


def keep_finding(name: str, path: Path, data_dir: Path) -> None:
    """Write what is known of a dataset's files beside its cache; without a cache, nothing is written."""
    known = _KNOWN.get((name, path))
    place = next((one for one in cache_places(name, path, data_dir) if any(one.glob(f"*{PIXELS}"))), None)
    if known is None or place is None or _read(name, [place], known[0]) is not None:
        return
    content = {"schema_version": _SCHEMA_VERSION, "key": known[0], **versions(), **asdict(known[1])}
    with contextlib.suppress(OSError):  # in a read-only folder, each process looks
        write_text_atomically(_file(name, place), with_sha256(content))


def forget_findings() -> None:
    """Remove what is known from memory, so that it is read from the disk again."""
    _KNOWN.clear()


def _read(name: str, places: list[Path], state: str) -> Finding | None:
    """Return what was written for that state of the files; None if nothing was, or it is damaged."""
    for place in places:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):  # it may hold any JSON
            content = checked_json(read_of_user(_file(name, place), _MOST_BYTES), _SCHEMA_VERSION)
            if content["key"] == state and all(content[one] == version for one, version in versions().items()):
                return Finding(str(content["layout"]), _spec(name, content["spec"]))
    return None


def _spec(name: str, content: dict[str, Any]) -> DatasetSpec:
    """Return a spec under the present name: a folder that moves keeps its cache.

    Raises:
        ValueError: a value is of another type.
    """
    spec = replace(DatasetSpec(**content), name=name, class_names=tuple(content["class_names"]))
    numbers = (spec.train_images, spec.test_images, spec.channels, spec.image_size or 1)
    if not all(type(one) is int and one > 0 for one in numbers) or not all(
        type(one) is str for one in spec.class_names
    ):
        raise ValueError("it is no spec of a dataset")
    return spec


def _file(name: str, place: Path) -> Path:
    return place / f"{kind_of(name)}{FINDING}"
