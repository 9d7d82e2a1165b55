"""The datasets: name, shape and classes of each, as published. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path

from harness.config.extensions import extension_names, find_extension
from harness.errors import InputError
from harness.files import expand_home

FOLDER_PREFIX = "folder:"
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


def is_folder(dataset: str) -> bool:
    """Return True for ``folder:PATH``, the user's own images."""
    return dataset.startswith(FOLDER_PREFIX)


def folder_path(dataset: str) -> Path:
    """Return PATH of ``folder:PATH``, with ``~`` expanded.

    Raises:
        InputError: PATH begins with the home of an unknown user.
    """
    return expand_home(dataset.removeprefix(FOLDER_PREFIX))


def title_of(dataset: str) -> str:
    """Return a dataset's name in its usual spelling, ``CIFAR-10``; a folder's last name, ``flowers``."""
    return Path(dataset.removeprefix(FOLDER_PREFIX)).name if is_folder(dataset) else _TITLES.get(dataset, dataset)


def file_stem(dataset: str) -> str:
    """Return the name for use in file names: ``cifar10``, ``folder-flowers`` for ``folder:~/flowers``."""
    if not is_folder(dataset):
        return dataset
    return f"folder-{Path(dataset.removeprefix(FOLDER_PREFIX)).name[:40]}"


def find_spec(dataset: str) -> DatasetSpec | None:
    """Return the spec of a published dataset or of one that another package adds; None for any other name.

    Raises:
        InputError: the other package's entry point is broken.
    """
    if dataset in SPECS:
        return SPECS[dataset]
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
    if is_folder(dataset):
        if not dataset.removeprefix(FOLDER_PREFIX):
            raise InputError("dataset 'folder:' names no folder: give folder:PATH, with PATH/train/<class>/* inside")
        if any(0xD800 <= ord(character) < 0xE000 for character in dataset):  # Python's spelling of bytes not in UTF-8
            raise InputError(
                f"dataset {dataset!r}: the folder's name is not UTF-8, so results cannot hold it; rename it"
            )
    elif find_spec(dataset) is None:
        known = ", ".join([*SPECS, *extension_names()])
        raise InputError(f"unknown dataset {dataset!r}: the datasets are {known} and folder:PATH")
    return dataset
