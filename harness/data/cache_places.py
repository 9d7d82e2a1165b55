"""The folders in which a dataset's decoded images are cached."""

import contextlib
import os
from pathlib import Path

from harness.config.data_folder import default_data_dir
from harness.config.datasets import file_stem, is_own_images, own_path
from harness.data.cache_key import place_hash
from harness.errors import InputError

_BESIDE_OWN, _BESIDE_PUBLISHED = ".wider-or-deeper", ".cache"


def cache_places(name: str, path: Path, data_dir: Path) -> list[Path]:
    """Return the folders in which a dataset's caches may lie, the preferred one first.

    Args:
        name: the dataset's name.
        path: the folder or file that its images are in.
        data_dir: the data folder; any for the user's own images.
    """
    beside = data_dir / _BESIDE_PUBLISHED / file_stem(name)
    if is_own_images(name):
        own = own_path(name)
        beside = own / _BESIDE_OWN if own.is_dir() else own.parent / _BESIDE_OWN / own.name
    places = [beside]
    with contextlib.suppress(InputError):  # no home, no temporary folder
        absolute = os.path.abspath(path)
        places.append(default_data_dir() / _BESIDE_PUBLISHED / f"{file_stem(name)}-{place_hash(absolute)}")
    return places
