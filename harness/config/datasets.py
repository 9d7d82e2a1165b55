"""What each dataset is, as published. Needs no torch."""

from dataclasses import dataclass
from pathlib import Path

from harness.errors import InputError

FOLDER_PREFIX = "folder:"


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset's name, shape and published numbers of images.

    Attributes:
        image_size: side of its images in pixels; None where sizes differ.
        class_names: in the order of their labels.
        train_images, test_images: as published.
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


# CIFAR-10's labels follow the alphabet; FashionMNIST's are its README's.
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
        DatasetSpec("digits", 1, 8, tuple(str(label) for label in range(10)), 1_437, 360),
    )
}


def is_folder(dataset: str) -> bool:
    """Whether the name is ``folder:PATH``, the user's own images."""
    return dataset.startswith(FOLDER_PREFIX)


def folder_path(dataset: str) -> Path:
    """PATH of ``folder:PATH``.

    Raises:
        InputError: it begins with the home of a user that there is not.
    """
    try:
        return Path(dataset.removeprefix(FOLDER_PREFIX)).expanduser()
    except RuntimeError as error:
        raise InputError(f"{dataset}: {error}; give a path that exists") from error


def file_stem(dataset: str) -> str:
    """The dataset's name as part of a file's: ``cifar10``, or ``folder-flowers`` for ``folder:~/flowers``."""
    if not is_folder(dataset):
        return dataset
    return f"folder-{Path(dataset.removeprefix(FOLDER_PREFIX)).name[:40]}"


def check_dataset_name(dataset: str) -> str:
    """The name as given, if it names a dataset.

    Raises:
        InputError: it names none.
    """
    if is_folder(dataset):
        if not dataset.removeprefix(FOLDER_PREFIX):
            raise InputError("dataset 'folder:' names no folder: give folder:PATH, with PATH/train/<class>/* inside")
        if any(0xD800 <= ord(character) < 0xE000 for character in dataset):  # how Python spells bytes that are no UTF-8
            raise InputError(f"dataset {dataset!r}: results could not name it, for it is not UTF-8; rename the folder")
    elif dataset not in SPECS:
        raise InputError(f"unknown dataset {dataset!r}: the datasets are {', '.join(SPECS)} and folder:PATH")
    return dataset
