"""The datasets: name, shape and classes of each, as published. Needs no torch."""

import os
from dataclasses import dataclass
from pathlib import Path

from harness.config.extensions import extension_names, find_extension
from harness.config.library_datasets import PREFIX as TORCHVISION
from harness.config.library_datasets import library_dataset
from harness.errors import InputError
from harness.files import expand_home, safe_name

OWN_PREFIXES = ("folder:", "npz:", "csv:")
"""The user's own images, at a path: one folder per class, arrays, or a table of paths and labels."""
LIBRARY_PREFIXES = (TORCHVISION, "hf:")
"""Datasets of torchvision and of Hugging Face."""
_REST = {"folder:": "PATH", "npz:": "PATH", "csv:": "PATH", "torchvision:": "CIFAR100, e.g.", "hf:": "NAME or hf:PATH"}
_TITLES = {"cifar10": "CIFAR-10", "fashionmnist": "FashionMNIST", "gtsrb": "GTSRB"}


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset's name, image shape, classes and published numbers of images.

    Attributes:
        channels: 1 for grey images, 3 for RGB.
        image_size: side of the images in pixels; None if sizes differ.
        class_names: in the order of the labels.
        train_images, test_images: numbers of images, as published.
    """

    name: str
    channels: int
    image_size: int | None
    class_names: tuple[str, ...]
    train_images: int
    test_images: int

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def input_shape(self, image_size: int) -> tuple[int, int, int]:
        """Return channels, height and width of a network's input for square images of that side in pixels."""
        return self.channels, image_size, image_size


# Label order: CIFAR-10's is alphabetical, FashionMNIST's is that of its README.
_CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHIONMNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

SPECS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec("cifar10", 3, 32, _CIFAR10_CLASSES, 50_000, 10_000),
        DatasetSpec("fashionmnist", 1, 28, _FASHIONMNIST_CLASSES, 60_000, 10_000),
        DatasetSpec("gtsrb", 3, None, tuple(str(label) for label in range(43)), 39_209, 12_630),
        DatasetSpec("digits", 1, 8, tuple(str(label) for label in range(10)), 360, 1_437),
    )
}


def prefix_of(dataset: str) -> str:
    """Return ``folder:`` of ``folder:PATH``, and alike; empty for a published dataset."""
    return next((one for one in (*OWN_PREFIXES, *LIBRARY_PREFIXES) if dataset.startswith(one)), "")


def kind_of(dataset: str) -> str:
    """Return ``folder`` of ``folder:PATH``, and alike; the name of a published dataset."""
    return prefix_of(dataset).removesuffix(":") or dataset


def is_own_images(dataset: str) -> bool:
    """Return True for the user's own images at a path, which is not part of a case's identity."""
    prefix = prefix_of(dataset)
    return prefix in OWN_PREFIXES or (prefix == "hf:" and dataset.removeprefix(prefix)[:1] in ("/", ".", "~"))


def is_resized(dataset: str) -> bool:
    """Return True for images that are resized when they are loaded: the user's own, and a library's."""
    return bool(prefix_of(dataset))


def own_path(dataset: str) -> Path:
    """Return PATH of ``folder:PATH``, and alike, with ``~`` expanded.

    Raises:
        InputError: PATH begins with the home of an unknown user.
    """
    return expand_home(dataset.removeprefix(prefix_of(dataset)))


def title_of(dataset: str) -> str:
    """Return a dataset's name in its usual spelling, ``CIFAR-10``; the last name of a path, ``flowers``."""
    name = dataset.removeprefix(prefix_of(dataset))
    return Path(name).name if is_own_images(dataset) else _TITLES.get(name, name)


def file_stem(dataset: str) -> str:
    """Return the name for use in file names: ``cifar10``, ``folder-flowers`` for ``folder:~/flowers``."""
    if is_own_images(dataset):
        return f"{kind_of(dataset)}-{Path(dataset.removeprefix(prefix_of(dataset))).name[:40]}"
    return safe_name(dataset)


def find_spec(dataset: str) -> DatasetSpec | None:
    """Return the spec of a dataset that is published, torchvision's or another package's; else None.

    Raises:
        InputError: torchvision has no such dataset, or the other package's entry point is broken.
    """
    if dataset in SPECS:
        return SPECS[dataset]
    if dataset.startswith(TORCHVISION):
        library = library_dataset(dataset)
        numbers = tuple(map(str, range(library.classes)))
        return DatasetSpec(
            dataset, library.channels, library.image_size, numbers, library.train_images, library.test_images
        )
    extension = find_extension(dataset)
    if extension is None:
        return None
    spec = extension.require("SPEC", DatasetSpec)
    if spec.name != dataset:
        raise InputError(f"{extension.origin}: SPEC has the name {spec.name!r}; it must be {dataset!r}")
    return spec


def check_dataset_name(dataset: str) -> str:
    """Return the name as given.

    Raises:
        InputError: there is no dataset of that name, or another package's entry point for it is broken.
    """
    if prefix := prefix_of(dataset):
        if dataset == "folder:":
            raise InputError(
                "dataset 'folder:' names no folder: give folder:PATH, with PATH/train/<class>/* or PATH/<class>/*"
            )
        if dataset == prefix:
            raise InputError(f"dataset {prefix!r} names no images: give {prefix}{_REST[prefix]}")
        if any(0xD800 <= ord(character) < 0xE000 for character in dataset):  # Python's spelling of bytes not in UTF-8
            raise InputError(f"dataset {dataset!r}: the path is not UTF-8, so results cannot hold it; rename it")
        find_spec(dataset)
    elif find_spec(dataset) is None:
        if os.path.exists(path := os.path.expanduser(dataset)):  # False for a text that can be no path
            kind = "folder:" if os.path.isdir(path) else "npz:" if path.endswith(".npz") else "csv:"
            raise InputError(f"unknown dataset {dataset!r}: for your own images, give {kind}{dataset}")
        known = ", ".join([*SPECS, *extension_names()])
        raise InputError(
            f"unknown dataset {dataset!r}: the datasets are {known}, "
            "folder:PATH, npz:PATH, csv:PATH, torchvision:NAME and hf:NAME"
        )
    return dataset
