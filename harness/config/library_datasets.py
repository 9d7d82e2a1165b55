"""The classification datasets of torchvision: their splits, shapes and files. Needs no torch.

Training is the published training set. Where it is published in two parts, train and val, both are trained on and the
test set is evaluated, as in Kornblith et al. 2019, "Do Better ImageNet Models Transfer Better?", table 1 (Flowers-102:
2,040 and 6,149 images, DTD: 3,760 and 1,880, FGVC Aircraft: 6,667 and 3,333), and in Radford et al. 2021, "Learning
Transferable Visual Models From Natural Language Supervision", table 9 (Country211, RenderedSST2, PCAM).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from harness.errors import InputError

PREFIX = "torchvision:"
_OTHERS = {"ImageNet": "torchvision cannot download ImageNet: give folder:PATH, with PATH/train/<class>/* inside"}

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class LibraryDataset:
    """A dataset as torchvision has it.

    Attributes:
        name: the class in ``torchvision.datasets``.
        channels: 1 for grey images, 3 for RGB.
        classes: the number of classes.
        train_images, test_images: numbers of images, as published; those of a split that the harness makes are about
            right.
        train: the arguments of each part of the training set.
        test: the arguments of the test set; None if there is no split, so that some of each class are held out.
        archives: the files to download, relative to the root that torchvision is given.
        unpacked: what torchvision reads, relative to the root.
        in_memory: True if torchvision has pixels, not image files.
        has_checksums: True if torchvision knows the MD5 of the files that it downloads.
        checks_itself: True if torchvision checks the MD5 of the files that it reads, each time.
        can_download: False if the publisher has taken the files away.
        image_size: side of the images in pixels; None if sizes differ.
        protocol: what is trained and tested on, if that is not plainly train and test, nor a split of the harness.
    """

    name: str
    channels: int
    classes: int
    train_images: int
    test_images: int
    train: tuple[Arguments, ...]
    test: Arguments | None
    archives: tuple[str, ...]
    unpacked: tuple[str, ...]
    in_memory: bool = False
    has_checksums: bool = True
    checks_itself: bool = False
    can_download: bool = True
    image_size: int | None = None
    protocol: str = ""


_SPLIT: dict[str, Any] = {"train": ({"split": "train"},), "test": {"split": "test"}}
_FLAG: dict[str, Any] = {"train": ({"train": True},), "test": {"train": False}, "in_memory": True}
_TRAIN_AND_VAL: dict[str, Any] = {
    "train": ({"split": "train"}, {"split": "val"}),
    "test": {"split": "test"},
    "protocol": "trained on train and val",
}
_TRAINVAL: dict[str, Any] = {
    "train": ({"split": "trainval"},),
    "test": {"split": "test"},
    "protocol": "trained on train and val",
}
_NO_SPLIT: dict[str, Any] = {"train": ({},), "test": None}


def _idx_files(name: str, folder: str, files: tuple[str, ...], **arguments: Any) -> LibraryDataset:
    """Return a dataset like MNIST, in idx files."""
    unpacked = tuple(f"{folder}/raw/{file}" for file in files)
    shape = {"channels": 1, "classes": 10, "train_images": 60_000, "test_images": 10_000, "image_size": 28, **_FLAG}
    archives = tuple(f"{path}.gz" for path in unpacked)
    return LibraryDataset(name, **({"archives": archives, "unpacked": unpacked} | shape | arguments))


_MNIST_FILES = (
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
)  # fmt: skip
_EMNIST_FILES = tuple(
    f"emnist-balanced-{split}-{kind}-ubyte" for split in ("train", "test") for kind in ("images-idx3", "labels-idx1")
)
_QMNIST_FILES = tuple(
    f"qmnist-{split}-{kind}" for split in ("train", "test") for kind in ("images-idx3-ubyte", "labels-idx2-int")
)
_PCAM_FILES = tuple(
    f"pcam/camelyonpatch_level_2_split_{split}_{kind}.h5" for split in ("train", "valid", "test") for kind in "xy"
)

LIBRARY_DATASETS: dict[str, LibraryDataset] = {
    one.name: one
    for one in (
        LibraryDataset(
            "CIFAR10", 3, 10, 50_000, 10_000, **_FLAG, image_size=32, checks_itself=True,
            archives=("cifar-10-python.tar.gz",), unpacked=("cifar-10-batches-py",),
        ),
        LibraryDataset(
            "CIFAR100", 3, 100, 50_000, 10_000, **_FLAG, image_size=32, checks_itself=True,
            archives=("cifar-100-python.tar.gz",), unpacked=("cifar-100-python",),
        ),
        _idx_files("MNIST", "MNIST", _MNIST_FILES),
        _idx_files("FashionMNIST", "FashionMNIST", _MNIST_FILES),
        _idx_files("KMNIST", "KMNIST", _MNIST_FILES),
        _idx_files(
            "EMNIST", "EMNIST", _EMNIST_FILES, classes=47, train_images=112_800, test_images=18_800,
            archives=("EMNIST/raw/gzip.zip",), protocol="split balanced",
            train=({"split": "balanced", "train": True},), test={"split": "balanced", "train": False},
        ),
        _idx_files("QMNIST", "QMNIST", _QMNIST_FILES, test_images=60_000),
        LibraryDataset(
            "USPS", 1, 10, 7_291, 2_007, **_FLAG, image_size=16,
            archives=("usps.bz2", "usps.t.bz2"), unpacked=("usps.bz2", "usps.t.bz2"),
        ),
        LibraryDataset(
            "SEMEION", 1, 10, 1_274, 319, **_NO_SPLIT, image_size=16, in_memory=True, checks_itself=True,
            archives=("semeion.data",), unpacked=("semeion.data",),
        ),
        LibraryDataset(
            "SVHN", 3, 10, 73_257, 26_032, **_SPLIT, image_size=32, in_memory=True, checks_itself=True,
            archives=("train_32x32.mat", "test_32x32.mat"), unpacked=("train_32x32.mat", "test_32x32.mat"),
        ),
        LibraryDataset(
            "STL10", 3, 10, 5_000, 8_000, **_SPLIT, image_size=96, in_memory=True, checks_itself=True,
            archives=("stl10_binary.tar.gz",), unpacked=("stl10_binary",),
        ),
        LibraryDataset(
            "PCAM", 3, 2, 294_912, 32_768, **_TRAIN_AND_VAL, image_size=96, in_memory=True,
            archives=tuple(f"{path}.gz" for path in _PCAM_FILES), unpacked=_PCAM_FILES,
        ),
        LibraryDataset(
            "Flowers102", 3, 102, 2_040, 6_149, **_TRAIN_AND_VAL,
            archives=tuple(f"flowers-102/{name}" for name in ("102flowers.tgz", "imagelabels.mat", "setid.mat")),
            unpacked=tuple(f"flowers-102/{name}" for name in ("jpg", "imagelabels.mat", "setid.mat")),
        ),
        LibraryDataset(
            "DTD", 3, 47, 3_760, 1_880, **_TRAIN_AND_VAL,
            archives=("dtd/dtd-r1.0.1.tar.gz",), unpacked=("dtd/dtd",),
        ),
        LibraryDataset(
            "FGVCAircraft", 3, 100, 6_667, 3_333, **_TRAINVAL, has_checksums=False,
            archives=("fgvc-aircraft-2013b.tar.gz",), unpacked=("fgvc-aircraft-2013b",),
        ),
        LibraryDataset(
            "OxfordIIITPet", 3, 37, 3_680, 3_669, **_TRAINVAL,
            archives=("oxford-iiit-pet/images.tar.gz", "oxford-iiit-pet/annotations.tar.gz"),
            unpacked=("oxford-iiit-pet/images", "oxford-iiit-pet/annotations"),
        ),
        LibraryDataset(
            "Food101", 3, 101, 75_750, 25_250, **_SPLIT, archives=("food-101.tar.gz",), unpacked=("food-101",),
        ),
        LibraryDataset(
            "StanfordCars", 3, 196, 8_144, 8_041, **_SPLIT, has_checksums=False, can_download=False,
            archives=tuple(
                f"stanford_cars/{name}"
                for name in ("devkit", "cars_train", "cars_test", "cars_test_annos_withlabels.mat")
            ),
            unpacked=tuple(
                f"stanford_cars/{name}"
                for name in ("devkit", "cars_train", "cars_test", "cars_test_annos_withlabels.mat")
            ),
        ),
        LibraryDataset(
            "SUN397", 3, 397, 87_003, 21_751, **_NO_SPLIT, archives=("SUN397.tar.gz",), unpacked=("SUN397",),
        ),
        LibraryDataset(
            "Caltech101", 3, 101, 6_942, 1_735, **_NO_SPLIT,
            archives=("caltech101/caltech-101.zip",), unpacked=("caltech101/101_ObjectCategories",),
        ),
        LibraryDataset(
            "Caltech256", 3, 257, 24_486, 6_121, **_NO_SPLIT,
            archives=("caltech256/256_ObjectCategories.tar",), unpacked=("caltech256/256_ObjectCategories",),
        ),
        LibraryDataset(
            "EuroSAT", 3, 10, 21_600, 5_400, **_NO_SPLIT, image_size=64,
            archives=("eurosat/EuroSAT.zip",), unpacked=("eurosat/2750",),
        ),
        LibraryDataset(
            "GTSRB", 3, 43, 26_640, 12_630, **_SPLIT, protocol="torchvision's smaller training set",
            archives=tuple(
                f"gtsrb/{name}"
                for name in ("GTSRB-Training_fixed.zip", "GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip")
            ),
            unpacked=("gtsrb/GTSRB/Training", "gtsrb/GTSRB/Final_Test", "gtsrb/GT-final_test.csv"),
        ),
        LibraryDataset(
            "Country211", 3, 211, 42_200, 21_100, archives=("country211.tgz",), unpacked=("country211",),
            **_TRAIN_AND_VAL | {"train": ({"split": "train"}, {"split": "valid"})},
        ),
        LibraryDataset(
            "RenderedSST2", 3, 2, 7_792, 1_821, **_TRAIN_AND_VAL,
            archives=("rendered-sst2.tgz",), unpacked=("rendered-sst2",),
        ),
        LibraryDataset(
            "Imagenette", 3, 10, 9_469, 3_925, train=({"split": "train"},), test={"split": "val"},
            archives=("imagenette2.tgz",), unpacked=("imagenette2",), protocol="tested on val",
        ),
    )
}  # fmt: skip


def library_dataset(dataset: str) -> LibraryDataset:
    """Return the dataset of a name like ``torchvision:CIFAR100``.

    Raises:
        InputError: torchvision has no classification dataset of that name. The message offers the nearest names.
    """
    name = dataset.removeprefix(PREFIX)
    if name in LIBRARY_DATASETS:
        return LIBRARY_DATASETS[name]
    if name in _OTHERS:
        raise InputError(f"dataset {dataset!r}: {_OTHERS[name]}")
    by_lower_case = {one.lower(): one for one in LIBRARY_DATASETS}
    near = [PREFIX + by_lower_case[one] for one in get_close_matches(name.lower(), by_lower_case)]
    offer = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(LIBRARY_DATASETS)}"
    raise InputError(f"unknown dataset {dataset!r}: torchvision has no classification dataset {name!r}; {offer}")


def can_download(dataset: str) -> bool:
    """Return False for a dataset of torchvision whose publisher has taken the files away."""
    return not dataset.startswith(PREFIX) or library_dataset(dataset).can_download
