"""The layout of arrays: an ``.npz`` file, or a folder of ``.npy`` files, with images and their labels.

The names are Keras's (``x_train``, ``y_train``, ``x_test``, ``y_test``) or MedMNIST's (``train_images``,
``train_labels``, …). Without a split they are ``x`` and ``y``, ``images`` and ``labels``, or ``data`` and ``target``;
then 20 % of each class are held out as the test images. Arrays of ``val`` are the test images if there are none of
``test``, and are not used otherwise. The layout's name says which of these it was.

The classes are the distinct labels, sorted; with an array ``class_names`` or ``label_names``, labels count its names.
"""

import contextlib
import functools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from harness.config.datasets import DatasetSpec
from harness.config.recipe import Resize
from harness.data.decoding import ImageFile, decode
from harness.data.formats.array_labels import Label, classes_of, encode_labels, read_labels
from harness.data.formats.array_pixels import encoded, factor_of, geometry_of
from harness.data.formats.folder_listing import is_present
from harness.data.formats.image_files import read_both
from harness.data.formats.labels import hold_out, require_test_images
from harness.data.formats.split_names import HELD_OUT_NOTE, Role, choose_test_role, note_of, role_of
from harness.data.formats.stored_arrays import StoredArray, list_arrays
from harness.data.images import ImageSet
from harness.data.source import Source, files_key, tree_key, unverifiable
from harness.errors import InputError
from harness.text import count_noun, listed_up_to

_Kind = Literal["images", "labels"]
_IMAGES, _LABELS = ("x", "image", "images", "data"), ("y", "label", "labels", "target", "targets")
_KINDS: Mapping[str, _Kind] = {**dict.fromkeys(_IMAGES, "images"), **dict.fromkeys(_LABELS, "labels")}
_CLASS_NAMES = frozenset({"class_names", "label_names", "target_names"})
_NAMES = "x_train, y_train, x_test and y_test, or x and y"
_MOST_NAMED = 5

_Pair = tuple[StoredArray, StoredArray]
_Found = Mapping[Role | None, Mapping[_Kind, StoredArray]]


@dataclass(frozen=True)
class _Side:
    """The training images, or the test images.

    Attributes:
        array: their array.
        positions: of the images in it.
        labels: the label of each.
    """

    array: StoredArray
    positions: Sequence[int]
    labels: Sequence[int]


@dataclass(frozen=True)
class _Arrays:
    """The images of a dataset, none of which is read yet.

    Attributes:
        note: what the layout's name says of the splits.
        files: all files that decide the images and labels.
    """

    class_names: tuple[str, ...]
    train: _Side
    test: _Side
    note: str
    files: tuple[Path, ...]


def spec_of(name: str, path: Path) -> DatasetSpec:
    """Return the spec of the images in arrays; see `harness.data.source.Layout`."""
    arrays = _read(path)
    train, test = geometry_of(arrays.train.array), geometry_of(arrays.test.array)
    counts = len(arrays.train.labels), len(arrays.test.labels)
    return DatasetSpec(name, train.channels, train.common_side(test), arrays.class_names, *counts)


def locate(root: Path, spec: DatasetSpec, *, resize_to: Resize | None = None) -> Source:
    """Return the images in arrays; see `harness.data.source.Layout`."""
    arrays = _read(root)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        take = partial(decode, channels=spec.channels, size=resize_to)
        return read_both(*_image_files(arrays), (train_limit, test_limit), take)

    def check() -> None:
        _image_files(arrays)

    def key() -> str:
        return files_key(arrays.files, root if root.is_dir() else root.parent)

    counts = len(arrays.train.labels), len(arrays.test.labels)
    return Source(
        f"arrays{arrays.note}", root, lambda: counts, unverifiable, read, check=check, key=key, spec=lambda: spec
    )


def _image_files(arrays: _Arrays) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the training and the test images as files to decode, after a check of all values."""
    used = {side.array.name: side.array for side in (arrays.train, arrays.test)}
    contents = {name: array.load() for name, array in used.items()}
    factor = factor_of([(array, contents[name]) for name, array in used.items()])

    def files(side: _Side) -> list[ImageFile]:
        array, geometry, content = side.array, geometry_of(side.array), contents[side.array.name]
        return [
            ImageFile(f"{array.name}[{position}]", partial(encoded, content, geometry, factor, position), label)
            for position, label in zip(side.positions, side.labels, strict=True)
        ]

    return files(arrays.train), files(arrays.test)


def _read(path: Path) -> _Arrays:
    """Return the arrays at a path, from memory until a file changes; see `_read_arrays`."""
    with contextlib.suppress(OSError):
        return _read_once(path, tree_key(path))
    return _read_arrays(path)


@functools.lru_cache(maxsize=4)
def _read_once(path: Path, _: str) -> _Arrays:
    return _read_arrays(path)


def _read_arrays(path: Path) -> _Arrays:
    """Return the arrays at a path.

    Raises:
        InputError: an array is missing or of a type that is not read, or arrays do not fit together.
    """
    if not is_present(path):
        raise InputError(f"{path} does not exist: give npz:PATH, an .npz file or a folder of .npy files")
    if path.suffix.lower() == ".npy":
        raise InputError(f"{path} is one array: give npz:{path.parent}, a folder with images and labels")
    stored = list_arrays(path)
    found = _by_role(path, stored)
    roles = [role for role in found if role is not None]
    test = choose_test_role(roles)
    names = next((array for name, array in stored.items() if name.casefold() in _CLASS_NAMES), None)
    if "train" in found and test is not None:
        return _split(path, _pair(path, found["train"]), _pair(path, found[test]), names, note_of(roles))
    if None in found and not roles:
        return _unsplit(path, _pair(path, found[None]), names)
    raise InputError(_lack(path, stored, roles))


def _by_role(path: Path, stored: Mapping[str, StoredArray]) -> _Found:
    """Return the arrays of images and labels by their split; None for those whose names show no split."""
    found: dict[Role | None, dict[_Kind, StoredArray]] = defaultdict(dict)
    for name, array in stored.items():
        words = [word for word in re.split(r"[\W_]+", name.casefold()) if word]
        kinds = [kind for word in words if (kind := _KINDS.get(word))]
        roles = [role for word in words if (role := role_of(word))]
        if len(kinds) == 1 and len(kinds) + len(roles) == len(words) <= 2:
            arrays, kind = found[roles[0] if roles else None], kinds[0]
            if kind in arrays:
                raise InputError(f"{path} has both {arrays[kind].name} and {name}: keep one of them")
            arrays[kind] = array
    return found


def _lack(path: Path, stored: Mapping[str, StoredArray], roles: Sequence[Role]) -> str:
    """Return the message for arrays whose names do not make a dataset."""
    if not stored:
        return f"{path} has no arrays: give an .npz file, or a folder of .npy files, with {_NAMES}"
    names = listed_up_to(list(stored), _MOST_NAMED, "array")
    lack = "training images" if roles and "train" not in roles else "test images" if roles else "images and labels"
    return f"{path} has the arrays {names}, but no {lack}: call them {_NAMES}"


def _pair(path: Path, arrays: Mapping[_Kind, StoredArray]) -> _Pair:
    """Return the images and the labels of a split, which have one length."""
    if len(arrays) < 2:
        (kind, array), lacking = next(iter(arrays.items())), "labels" if "images" in arrays else "images"
        raise InputError(f"{path} has the {kind} {array.name}, but no {lacking} to it: call the arrays {_NAMES}")
    images, labels = arrays["images"], arrays["labels"]
    for array in (images, labels):
        if array.dtype.hasobject:
            raise InputError(f"{array.file}: {array.name} holds Python objects, which are not read: save numbers")
    geometry_of(images)
    counts = images.shape[0], (labels.shape or (0,))[0]
    if counts[0] != counts[1]:
        texts = count_noun(counts[0], "image"), count_noun(counts[1], "label")
        raise InputError(f"{path}: {images.name} has {texts[0]}, {labels.name} has {texts[1]}: give one label an image")
    return images, labels


def _split(path: Path, train: _Pair, test: _Pair, names: StoredArray | None, note: str) -> _Arrays:
    """Return arrays with a split."""
    if geometry_of(train[0]).channels != geometry_of(test[0]).channels:
        shapes = " and ".join(f"{images.name} of {images.shape}" for images, _ in (train, test))
        raise InputError(f"{path} has {shapes}: give images of one number of channels")
    values = read_labels(train[1]), read_labels(test[1])
    classes = classes_of(values[0], train[1], names)
    sides = [
        _Side(images, range(len(given)), encode_labels(given, classes, labels))
        for (images, labels), given in zip((train, test), values, strict=True)
    ]
    require_test_images(sides[1].labels, classes.names, path)
    return _Arrays(classes.names, sides[0], sides[1], note, _files(*train, *test, names))


def _unsplit(path: Path, arrays: _Pair, names: StoredArray | None) -> _Arrays:
    """Return arrays without a split; test images are held out of each class."""
    values: Sequence[Label] = read_labels(arrays[1])
    classes = classes_of(values, arrays[1], names)
    labels = encode_labels(values, classes, arrays[1])
    train, test = (
        _Side(arrays[0], side, [labels[position] for position in side])
        for side in hold_out(labels, classes.names, path)
    )
    return _Arrays(classes.names, train, test, HELD_OUT_NOTE, _files(*arrays, names))


def _files(*arrays: StoredArray | None) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(array.file for array in arrays if array is not None))
