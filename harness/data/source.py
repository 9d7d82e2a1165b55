"""Sources: a dataset found on disk, and the publisher that finds or downloads it."""

import contextlib
import errno
import hashlib
import os
import stat
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import NoReturn, Protocol, runtime_checkable

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Resize
from harness.data.formats.leftovers import is_leftover
from harness.data.images import ImageSet
from harness.errors import InputError
from harness.text import listed


@dataclass(frozen=True)
class Source:
    """A dataset that was found on disk.

    Attributes:
        layout: human-readable name of the layout, e.g. ``class folders``.
        path: the folder or file that it was found in.
        count: returns the numbers of training and test images without decoding any.
        verify: returns True if the files have the published content, and False if the layout has no checksums. Raises
            an `InputError` that names the file if its content differs.
        read: returns training and test images, at most the given numbers of each; None stands for all.
        missing: names of files that the layout lacks, e.g. after an interrupted download.
        key: returns a text that changes if the images may have changed, see `files_key` and `tree_key`; None if they
            are never cached.
        check: raises an `InputError` that names damaged files, as far as headers and last bytes show the damage.
        spec: returns the dataset's spec if only its files show it, or show more of it, such as the names of classes.
    """

    layout: str
    path: Path
    count: Callable[[], tuple[int, int]]
    verify: Callable[[], bool]
    read: Callable[[int | None, int | None], tuple[ImageSet, ImageSet]]
    missing: tuple[str, ...] = ()
    check: Callable[[], None] = lambda: None
    key: Callable[[], str] | None = None
    spec: Callable[[], DatasetSpec] | None = None


@runtime_checkable
class Publisher(Protocol):
    """A dataset's publisher: a module of `harness.data.formats`, or another package's.

    Attributes:
        FILES: human-readable list of the files, for "put FILES into FOLDER".
    """

    FILES: str

    def locate(self, data_dir: Path) -> Source | None:
        """Return the dataset found under the data folder, or None."""

    def download(self, data_dir: Path) -> None:
        """Download the missing files to where `locate` finds them, usually a folder with the dataset's name.

        Raises:
            InputError: the download failed.
        """


class Library(Protocol):
    """A library of datasets: a module of `harness.data.formats`."""

    def locate(self, name: str, data_dir: Path, *, resize_to: Resize | None = None) -> Source | None:
        """Return the dataset found under the data folder, or None.

        Args:
            name: the dataset's name, e.g. ``torchvision:CIFAR100``.
            resize_to: as for `Layout`.

        Raises:
            InputError: the library is not installed.
        """

    def download(self, name: str, data_dir: Path) -> None:
        """Download the dataset to where `locate` finds it.

        Raises:
            InputError: the download failed.
        """

    def how_to_get(self, name: str, data_dir: Path) -> str:
        """Return instructions for an absent dataset: which files to put into which folder."""


class Layout(Protocol):
    """A layout of the user's own images at a path: a module of `harness.data.formats`."""

    def spec_of(self, name: str, path: Path) -> DatasetSpec:
        """Return the spec of the images at a path, made from what is there.

        Args:
            name: the dataset's name, e.g. ``folder:PATH``.
            path: PATH.

        Raises:
            InputError: nothing is there, or something that cannot be taken.
        """

    def locate(self, root: Path, spec: DatasetSpec, *, resize_to: Resize | None = None) -> Source:
        """Return the images at a path.

        Args:
            root: the path.
            spec: as `spec_of` returns it.
            resize_to: the square to which every image is resized; None keeps their sizes.
        """


_Keys = dict[tuple[object, ...], str]
_KEYS: ContextVar[_Keys | None] = ContextVar("_KEYS", default=None)


@contextlib.contextmanager
def each_key_once() -> Iterator[None]:
    """Compute the key of the same files once inside the block, as many files are long to walk through."""
    keys = _KEYS.get()
    token = _KEYS.set({} if keys is None else keys)
    try:
        yield
    finally:
        _KEYS.reset(token)


def forget_keys() -> None:
    """Remove the keys that `each_key_once` keeps, since files have changed."""
    (_KEYS.get() or {}).clear()


def files_key(paths: Iterable[str | Path], root: Path) -> str:
    """Return a SHA-256 over names, sizes and times of files: other content, almost surely another key.

    Args:
        paths: the files, in the order of their images.
        root: the folder that the names are relative to.

    Raises:
        OSError: a file is missing.
    """
    files, above = [*map(str, paths)], f"{root}{os.sep}"
    return _once(("files", above, *files), lambda: _files_key(files, above))


def _files_key(files: Sequence[str], above: str) -> str:
    numbers = array("q")
    for file in files:
        numbers.extend(_numbers(os.stat(file)))
    return hashlib.sha256(_content((file.removeprefix(above) for file in files), numbers)).hexdigest()


def tree_key(*places: Path) -> str:
    """Return a SHA-256 over names, sizes and times of files and of all files in folders.

    Hidden files and other leftovers of systems are left out. As `files_key`, but fast: a hundred thousand files take
    half a second each time that a dataset is loaded.

    Raises:
        OSError: a file or folder is missing, something is neither, or a link leads back to a folder that contains it.
    """
    return _once(("tree", *places), lambda: _tree_key(places, frozenset()))


def require_regular_files(*places: Path) -> None:
    """Check that `tree_key` finds only folders and files, since libraries wait for pipes.

    Raises:
        InputError: there is something else, or it cannot be read. The message names it.
    """
    try:
        tree_key(*places)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror or error}") from error


def _tree_key(places: Iterable[Path], containing: frozenset[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    for place in places:
        names, folders, numbers, state = [place.name], list[Path](), array("q"), os.stat(place)
        files: list[os.DirEntry[str]] | list[Path] = [place]
        identity = state.st_dev, state.st_ino
        if stat.S_ISDIR(state.st_mode):
            if identity in containing:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(place))
            with os.scandir(place) as entries:
                visible = sorted((one for one in entries if not is_leftover(one.name)), key=attrgetter("name"))
            names = [one.name for one in visible]
            files = [one for one in visible if not one.is_dir()]
            folders = [place / one.name for one in visible if one.is_dir()] if len(files) < len(visible) else []
        for file in files:
            numbers.extend(_numbers_of_regular(file))
        digest.update(_content(names, numbers))
        digest.update(_tree_key(folders, containing | {identity}).encode())
    return digest.hexdigest()


def _once(key: tuple[object, ...], compute: Callable[[], str]) -> str:
    """Return what ``compute`` returns, from memory inside of `each_key_once`."""
    keys = _KEYS.get()
    if keys is None:
        return compute()
    if key not in keys:
        keys[key] = compute()
    return keys[key]


def _numbers_of_regular(file: os.DirEntry[str] | Path) -> tuple[int, int, int]:
    """Return the numbers of a file; raise an OSError if it is a pipe, a socket or a device."""
    state = file.stat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file", os.fspath(file))
    return _numbers(state)


def _numbers(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _content(names: Iterable[str], numbers: "array[int]") -> bytes:
    return "\0".join(names).encode("utf-8", "surrogateescape") + numbers.tobytes()


def incomplete(layout: str, path: Path, missing: Iterable[str]) -> Source:
    """Return a source that lacks files; whoever reads it gets an `InputError` that names them."""
    names = tuple(missing)

    def refuse(*_: object) -> NoReturn:
        raise InputError(f"{path} lacks {listed(names)}: put what is missing there; a full run downloads it")

    return Source(layout, path, refuse, refuse, refuse, names)


def unverifiable() -> bool:
    """Return False: the `verify` of a layout that has no published checksums."""
    return False
