"""Datasets of Hugging Face: of its hub, saved under ``hf`` of the data folder, or at a path."""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.config.datasets import DatasetSpec, is_own_images, own_path
from harness.config.recipe import Resize
from harness.data.decoding import ImageFile, decode, file_on_disk
from harness.data.download import locked, remove_leftover
from harness.data.findings import Finding, find
from harness.data.formats.hugging_face_columns import (
    class_names,
    image_column,
    is_labelled,
    label_column,
    named_labels,
)
from harness.data.formats.image_files import read_both
from harness.data.formats.labels import hold_out
from harness.data.formats.split_names import HELD_OUT_NOTE, role_of
from harness.data.headers import ImageShape, shape_in_bytes
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source, require_regular_files, tree_key, unverifiable
from harness.errors import InputError
from harness.extras import require_extra
from harness.files import put_in_place, safe_name
from harness.foreign_files import open_regular
from harness.text import listed, one_line

EXTRA = "hf"
_NAME = re.compile(r"(?:[\w.-]+/)?[\w.-]+(?:@[\w.+-]+)?", re.ASCII)
_MOST_LIST_BYTES = 64 * 2**20  # the names of classes and of the files that have the images
_LOOKED_AT = 256  # images of each part: their headers show the size, and that some are coloured

_REMEDIES = {
    "Dataset scripts are no longer supported": "its code is never executed: give one with images in data files",
    "Config name is missing": "give one of its configurations: NAME@CONFIG",
    "BuilderConfig": "give one of its configurations: NAME@CONFIG",
    "gated": "accept its terms on huggingface.co and set HF_TOKEN",
    "doesn't exist": "give hf:owner/name as on huggingface.co, or set HF_TOKEN for a private one",
}
"""What to do, by the words of a failure."""


@dataclass(frozen=True)
class _Chosen:
    """Names of the splits and columns to use; ``test`` is None without a test set that has labels."""

    train: str
    test: str | None
    image_column: str
    label_column: str


@dataclass(frozen=True)
class _Part:
    """Training or test images, none of which is read yet: rows of a table of the library.

    Attributes:
        name: of the split, for messages.
        rows: the library's dataset; it has an image's bytes, or the path of its file.
        positions: the rows that belong to the part.
        labels: of all rows.
    """

    name: str
    rows: Any
    positions: Sequence[int]
    labels: Sequence[int]
    image_column: str

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, position: int) -> ImageFile:
        row = self.positions[position]
        if self._has_bytes:
            return ImageFile(f"{row} of split {self.name}", partial(self._bytes, row), self.labels[row])
        return file_on_disk(Path(self.rows[row][self.image_column]["path"]), self.labels[row])

    @functools.cached_property
    def _has_bytes(self) -> bool:
        return self.rows[0][self.image_column]["bytes"] is not None

    def _bytes(self, row: int) -> bytes:
        return bytes(self.rows[row][self.image_column]["bytes"] or b"")


@dataclass(frozen=True)
class _Opened:
    train: _Part
    test: _Part
    finding: Finding


def locate(name: str, data_dir: Path, *, resize_to: Resize | None = None) -> Source | None:
    """Return the dataset at its path, or downloaded to the data folder; None if it is not downloaded.

    Args:
        name: ``hf:owner/name``, ``hf:owner/name@config``, or ``hf:PATH`` of a path with a slash or a dot at its start.
        resize_to: the square to which every image is resized; None keeps their sizes.

    Raises:
        InputError: Hugging Face's library is missing, or what is at the path is no dataset of images and labels.
    """
    path = own_path(name) if is_own_images(name) else _folder(name, data_dir)
    if not path.exists():
        _library(name)
        if is_own_images(name):
            raise InputError(f"{path} does not exist: give hf:PATH of a saved dataset, a .parquet file or a folder")
        return None
    opened = functools.cache(partial(_opened, name, path, data_dir))
    key = partial(tree_key, path)
    found = find(name, path, data_dir, key, lambda: opened().finding)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        take = partial(decode, channels=found.spec.channels, size=resize_to)
        return read_both(opened().train, opened().test, (train_limit, test_limit), take)

    return Source(
        layout=found.layout,
        path=path,
        count=lambda: (found.spec.train_images, found.spec.test_images),
        verify=unverifiable,
        read=read,
        key=key,
        spec=lambda: found.spec,
    )


def download(name: str, data_dir: Path) -> None:
    """Download a dataset from the hub and save it where `locate` finds it.

    Code of a dataset is never executed, and no use is reported to the hub.

    Raises:
        InputError: the download failed.
    """
    _library(name)
    target = _folder(name, data_dir.resolve())
    failure: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.parent):
            if not target.exists():  # another process may have downloaded it while this one waited
                failure = _try_download(name, target)
    except OSError as error:
        failure = str(error)
    if failure is not None:
        raise InputError(_refusal(name, failure, data_dir))


def _try_download(name: str, target: Path) -> str | None:
    """Download and save; return None or the reason of the failure."""
    unfinished, cache = target.with_name(f".{target.name}"), target.parent / ".downloads"
    repository, _, config = name.removeprefix("hf:").partition("@")
    caches = {f"HF_{one}_CACHE": str(cache / one.lower()) for one in ("HUB", "DATASETS", "XET")}
    defaults = {} if "HF_HOME" in os.environ else caches
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_VERBOSITY": "error"}
    program = str(Path(__file__).with_name("hugging_face_download.py"))
    remove_leftover(unfinished)
    if cache.is_symlink():
        cache.unlink()  # the library would write to its target
    ran = subprocess.run(
        [sys.executable, "-P", program, repository, config, str(unfinished)],
        env=defaults | os.environ | quiet,
        cwd=target.parent,  # a name is of the hub, even if the present folder has a folder of that name
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:  # what the hub has sent stays in the cache
        remove_leftover(unfinished)
        return ran.stdout or f"exit code {ran.returncode}"
    put_in_place(unfinished, target)
    remove_leftover(cache)
    return None


def how_to_get(name: str, data_dir: Path) -> str:
    """Return instructions for an absent dataset: which files to put into which folder."""
    return f"save it by its `save_to_disk` to {_folder(name, data_dir)}, or give hf:PATH of your own"


def _refusal(name: str, failure: str, data_dir: Path) -> str:
    """Return the message for a failed download: the hub's reason, and what to do."""
    remedy = next((one for sign, one in _REMEDIES.items() if sign in failure), how_to_get(name, data_dir))
    return f"could not download {name} ({one_line(failure, 300)})\n{remedy.replace('NAME', name.partition('@')[0])}"


def _library(name: str) -> ModuleType:
    library = require_extra("datasets", EXTRA, f"dataset {name}")
    library.utils.logging.set_verbosity_error()
    return library


def _folder(name: str, data_dir: Path) -> Path:
    """Return the folder of a dataset of the hub.

    Raises:
        InputError: the name is none of the hub's.
    """
    repository = name.removeprefix("hf:")
    if not _NAME.fullmatch(repository):
        raise InputError(
            f"dataset {name!r}: give hf:owner/name or hf:owner/name@config of the hub, or hf:PATH, e.g. hf:./pets"
        )
    return data_dir / "hf" / safe_name(repository.replace("/", "--").replace("@", "--"))


def _require_small_lists(path: Path) -> None:
    """Raise an `InputError` for a JSON file of a saved dataset that is too large to be read into memory."""
    for file in (*path.glob("*.json"), *path.glob("*/*.json")):
        try:
            open_regular(file, _MOST_LIST_BYTES).close()
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}") from error


def _load(library: ModuleType, path: Path, data_dir: Path) -> Mapping[str, Any]:
    """Return the library's splits at a path, by their names.

    Raises:
        InputError: the library cannot read it.
    """
    require_regular_files(path)
    _require_small_lists(path)
    cache = None if os.environ.get("HF_HOME") else str(data_dir / "hf/cache/datasets")
    bars = library.is_progress_bar_enabled()
    library.disable_progress_bars()
    try:
        if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
            loaded = library.load_from_disk(str(path))
        elif path.is_dir():
            loaded = library.load_dataset(str(path.resolve()), cache_dir=cache)
        else:
            loaded = library.load_dataset("parquet", data_files=str(path), cache_dir=cache)
    except Exception as error:  # of its readers, and of those of Arrow
        raise InputError(
            f"Hugging Face's datasets cannot read {path} ({one_line(str(error), 200)})\n"
            "give the folder of a `save_to_disk`, a .parquet file, or a folder of images or of .parquet files"
        ) from error
    finally:
        if bars:
            library.enable_progress_bars()
    return loaded if isinstance(loaded, Mapping) else {"train": loaded}


def _choose(library: ModuleType, name: str, splits: Mapping[str, Any]) -> _Chosen:
    """Return the splits and columns to use; the test images are the first split that has labels.

    Raises:
        InputError: there is no training split, or no column of images or of labels.
    """
    of_role = {role: [one for one in splits if role_of(one) == role] for role in ("train", "test", "val")}
    train = next(iter(splits if len(splits) == 1 else of_role["train"]), None)
    if train is None:
        raise InputError(f"dataset {name} has the splits {listed(splits)}: it needs one named train")
    images, labels = image_column(library, name, splits[train]), label_column(name, splits[train])
    others = (one for one in (*of_role["test"], *of_role["val"]) if one != train)
    test = next((one for one in others if is_labelled(splits[one], labels)), None)
    return _Chosen(train, test, images, labels)


def _opened(name: str, path: Path, data_dir: Path) -> _Opened:
    """Return the dataset at a path, as the library reads it."""
    library = _library(name)
    splits = _load(library, path, data_dir)
    return _open(library, name, splits, _choose(library, name, splits))


def _open(library: ModuleType, name: str, splits: Mapping[str, Any], chosen: _Chosen) -> _Opened:
    """Return the images and labels of both parts.

    Raises:
        InputError: there are fewer than two classes, images without a label, or other labels in the test set.
    """
    both = [splits[chosen.train], splits[chosen.test or chosen.train]]
    named = [named_labels(name, rows, chosen.label_column) for rows in both]
    classes = class_names(name, both[0], chosen.label_column, named[0])
    if unknown := sorted(set(named[1]) - set(classes)):
        raise InputError(f"dataset {name}: split {chosen.test} has labels that {chosen.train} lacks: {unknown[:5]}")
    index = {one: label for label, one in enumerate(classes)}
    labels = [[index[one] for one in names] for names in named]
    positions = [range(len(rows)) for rows in both] if chosen.test else hold_out(labels[0], classes, f"dataset {name}")
    undecoded = [rows.cast_column(chosen.image_column, library.Image(decode=False)) for rows in both]
    names = (chosen.train, chosen.test or chosen.train)
    train, test = (_Part(*one, chosen.image_column) for one in zip(names, undecoded, positions, labels, strict=True))
    shape = _shape(train, test, _LOOKED_AT)
    if shape.channels == 1:  # a coloured image among the others must not be decoded to grey
        shape = _shape(train, test, None)
    spec = DatasetSpec(name, shape.channels, shape.side, classes, len(positions[0]), len(positions[1]))
    how = f" (tested on {chosen.test})" if chosen.test else HELD_OUT_NOTE
    return _Opened(train, test, Finding(f"Hugging Face{how}", spec))


def _shape(train: _Part, test: _Part, most: int | None) -> ImageShape:
    """Return the shape that images of both parts have in common, by at most so many headers of each."""
    looked_at = (part[one] for part in (train, test) for one in evenly_spaced(len(part), most))
    return shape_in_bytes(file.read() for file in looked_at)
