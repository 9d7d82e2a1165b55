"""The cache of a dataset's decoded images: made once, then mapped by every process.

It is made again if its images or the code have changed, or if it is damaged. It lies beside the data, or, if nothing
can be written there, in the user's cache folder. One process makes it; others wait for it. Without a place for it the
images stay in memory.
"""

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from harness.config.datasets import DatasetSpec, is_own_images
from harness.config.recipe import Resize
from harness.data.cache_file import (
    CachedImages,
    CacheWriter,
    map_images,
    read_header,
    remove_cache,
    require_sound,
    seal,
)
from harness.data.cache_key import CacheKey, cache_key, code_version, versions
from harness.data.cache_places import cache_places
from harness.data.channel_sums import ChannelSums
from harness.data.decoding import Array, decoding_to, gather
from harness.data.decoding_progress import DecodingProgress
from harness.data.findings import FINDING
from harness.data.images import ImageSet, fingerprint
from harness.data.source import Source
from harness.errors import InputError
from harness.text import listed, one_line
from harness.users_files import OthersFileError

_LOCK = ".lock"
_SPARE_BYTES = 64 * 2**20  # of free space, for labels, tracks and other files

Notify = Callable[[str], None]


@dataclass(frozen=True)
class LoadedImages:
    """Both splits of a dataset, with their fingerprint."""

    train: ImageSet
    test: ImageSet
    fingerprint: str


@dataclass(frozen=True)
class _Order:
    """The dataset that a call loads.

    Attributes:
        resize_to: the square to which its images are resized; None keeps their sizes.
        key: the key of its cache.
    """

    source: Source
    spec: DatasetSpec
    resize_to: Resize | None
    key: CacheKey
    notify: Notify


def load_images(
    source: Source, spec: DatasetSpec, data_dir: Path, resize_to: Resize | None = None, notify: Notify = lambda _: None
) -> LoadedImages:
    """Return a dataset's images: mapped from its cache, which is made if there is none, else in memory.

    Args:
        data_dir: the data folder.
        resize_to: the square to which the source resizes its images; None if it keeps their sizes.
        notify: callback that receives a line if a cache is made again or cannot be written, and the progress.

    Raises:
        InputError: an image cannot be read. The message names it. No cache is left.
    """
    try:
        key = cache_key(source, spec, resize_to)
    except OSError:  # reading the images says what is missing
        key = None
    if key is None:
        return _decode(source, spec, notify)
    return _load_cached(_Order(source, spec, resize_to, key, notify), cache_places(spec.name, source.path, data_dir))


def cached_bytes(place: Path) -> int:
    """Return the size of the caches in a folder; 0 if it does not exist."""
    return sum(path.stat().st_size for path in place.glob("*") if path.is_file() and path.suffix != FINDING)


def remove_caches(place: Path) -> int:
    """Remove a folder of caches; return the bytes freed.

    Raises:
        OSError: a file cannot be removed.
    """
    freed = cached_bytes(place)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(place)
    return freed


def _load_cached(order: _Order, places: list[Path]) -> LoadedImages:
    faults, refusals = dict[Path, str | None](), list[str]()
    for place in places:
        try:
            found, faults[place] = _read(place / order.key.name, order)
        except OthersFileError:  # neither believed nor replaced: it may be in use
            refusals.append(f"{place} (its cache belongs to another user)")
            continue
        if found is not None:
            return found
    for place, fault in faults.items():
        try:
            return _make(place, order, fault)
        except (OSError, NotImplementedError) as error:  # a file system without locks raises the latter
            refusals.append(f"{place} ({getattr(error, 'strerror', None) or error})")
    order.notify(f"the images of {order.spec.name} stay in memory, since no cache can be written to {listed(refusals)}")
    return _decode(order.source, order.spec, order.notify)


def _read(path: Path, order: _Order) -> tuple[LoadedImages | None, str | None]:
    """Return the images of a cache, or None and the reason; no reason if there is no cache.

    Raises:
        OthersFileError: it belongs to another user.
    """
    try:
        header = read_header(path)
        if (other := _other_version(header)) is not None:
            return None, other
        cached = map_images(path, header)
        for images in (cached.train, cached.test):
            require_sound(images, order.spec)
        if not cached.is_unchanged:
            _check(path, header, cached, order)
    except FileNotFoundError:
        return None, None
    except OthersFileError:
        raise
    except OSError as error:
        return None, f"{error.filename or path} cannot be read ({error.strerror or error})"
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:  # a header may hold any JSON
        return None, f"{path} is damaged: {one_line(str(error), 300)}"
    return LoadedImages(cached.train, cached.test, cached.fingerprint), None


def _other_version(header: Mapping[str, Any]) -> str | None:
    """Return why other code made a cache, or None."""
    now = versions()
    if header["pillow"] != now["pillow"]:
        return f"Pillow {header['pillow']} decoded it, this is Pillow {now['pillow']}"
    if header["source"] != now["source"] and header["code"] != code_version():
        return "another version of the harness decoded it"
    return None


def _check(path: Path, header: Mapping[str, Any], cached: CachedImages, order: _Order) -> None:
    """Check the content of a cache whose file has another size or time than it had when it was written.

    Raises:
        ValueError: it is not the content that was written.
    """
    order.notify(f"checking the cache of {order.spec.name}: its file was copied or changed")
    if fingerprint_of(order.spec, cached.train, cached.test) != header["fingerprint"]:
        raise ValueError("its content does not match its SHA-256")
    if ChannelSums.of(cached.train.blocks()) != cached.train.sums:
        raise ValueError("its sums are not those of its images")
    with contextlib.suppress(OSError):  # in a read-only folder, check each time
        seal(path, header)


def _make(place: Path, order: _Order, fault: str | None) -> LoadedImages:
    """Return the images of the cache that this process, or another one, makes.

    Raises:
        OSError: the cache cannot be written.
    """
    place.mkdir(parents=True, exist_ok=True)
    with _locked(place / f"{order.key.size}{_LOCK}", order):
        path = place / order.key.name
        found, fault_now = _read(path, order)
        if found is not None:  # another process has made it
            return found
        stale = _caches_of_size(place, order.key.size)
        if reason := fault_now or fault or ("its images have changed" if stale else None):
            order.notify(f"the cache of {order.spec.name} is made again: {reason}")
        for old in stale:
            remove_cache(old)
        _require_space(place, order)
        _write(path, order)
        made, fault = _read(path, order)
    if made is None:
        raise OSError(errno.EIO, f"it cannot be read: {fault}")
    return made


@contextlib.contextmanager
def _locked(path: Path, order: _Order) -> Iterator[None]:
    """Hold the lock of a dataset's caches; wait while another process decodes its images."""
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        order.notify(f"waiting for another process that decodes {order.spec.name}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _caches_of_size(place: Path, size: str) -> list[Path]:
    """Return the present caches of that size, without suffixes, and files of killed processes."""
    return sorted({path.with_suffix("") for path in place.glob(f"{size}-*") if path.is_file()})


def _require_space(place: Path, order: _Order) -> None:
    """Raise an OSError unless the disk has room for the images, as far as their size is known."""
    side = order.resize_to.size if order.resize_to is not None else order.spec.image_size
    if side is None:
        return
    needed = sum(order.source.count()) * order.spec.channels * side**2 + _SPARE_BYTES
    free = shutil.disk_usage(place).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB needed")


def _write(path: Path, order: _Order) -> None:
    with CacheWriter(path) as writer:
        images = _decode(order.source, order.spec, order.notify, writer)
        header = {
            **versions(),
            "code": code_version(),
            "dataset": order.spec.name,
            "fingerprint": images.fingerprint,
        }
        writer.finish(images.train, images.test, header)


def _decode(source: Source, spec: DatasetSpec, notify: Notify, writer: CacheWriter | None = None) -> LoadedImages:
    """Return the images, decoded into a cache's file or, without one, into memory."""
    progress = DecodingProgress(spec.name, lambda: sum(source.count()), notify)
    keep = gather if writer is None else writer.gather
    destination = progress.on_the_way_to(lambda images, channels: keep(_readable(images, spec.name), channels))
    try:
        with decoding_to(destination):
            train, test = source.read(None, None)
    finally:
        progress.end()
    return LoadedImages(train, test, fingerprint_of(spec, train, test))


def _readable(images: Iterable[Array], name: str) -> Iterator[Array]:
    """Yield the images; an OSError of their reading is no reason to do without a cache."""
    try:
        yield from images
    except OSError as error:
        raise InputError(f"the images of {name} cannot be read: {error.strerror or error}") from error


def fingerprint_of(spec: DatasetSpec, train: ImageSet, test: ImageSet) -> str:
    """Return the fingerprint of a dataset's images; the names of the user's own classes count too."""
    return fingerprint(train, test, class_names=spec.class_names if is_own_images(spec.name) else ())
