"""Tiny datasets in torchvision's layouts, with two classes if the layout shows them."""

import bz2
import io
import pickle
import struct
import tarfile
from dataclasses import replace

import numpy as np
import torchvision
from scipy.io import savemat

from harness.config.library_datasets import LIBRARY_DATASETS
from tests.data.builders import encode, idx_images, idx_labels, md5, noise, write

JPEG = {"format": "JPEG"}


def image(seed, size=12, width=None, **options):
    return encode(noise(size, width, seed=seed), **options)


def mat(**arrays):
    buffer = io.BytesIO()
    savemat(buffer, arrays)
    return b"MATLAB 5.0 MAT-file".ljust(116) + buffer.getvalue()[116:]  # without the time


def tgz(files):
    """A compressed archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def cifar100(train=(0, 1, 99), test=(5, 2)):
    """The files of a CIFAR-100 with these labels."""
    names = [f"name {label}" for label in range(100)]
    files = {"cifar-100-python/meta": pickle.dumps({"fine_label_names": names})}
    for split, labels in (("train", train), ("test", test)):
        pixels = noise(len(labels), 3072, channels=1, seed=len(labels))
        files[f"cifar-100-python/{split}"] = pickle.dumps({"data": pixels, "fine_labels": list(labels)})
    return files


def flowers102(train=(1,), val=(102,), test=(1, 7)):
    """The files of a Flowers-102 with these labels, counted from 1; the images' sizes differ."""
    labels = [*train, *val, *test]
    ids = np.arange(1, len(labels) + 1)
    first, second = len(train), len(train) + len(val)
    files = {f"flowers-102/jpg/image_{one:05d}.jpg": image(one, 12 + one, 20, **JPEG) for one in ids}
    files["flowers-102/imagelabels.mat"] = mat(labels=np.array(labels))
    # Two ids of a kind: of a single one, squeeze_me makes a number, not a list.
    files["flowers-102/setid.mat"] = mat(
        trnid=np.repeat(ids[:first], 2), valid=np.repeat(ids[first:second], 2), tstid=ids[second:]
    )
    return files


def idx_labels_of_qmnist(labels):
    rows = np.zeros((len(labels), 8), ">i4")
    rows[:, 0] = labels
    return struct.pack(">3I", 0x0C02, *rows.shape) + rows.tobytes()


def _idx(folder, train="train", test="t10k"):
    files = {}
    for split, labels in ((train, (0, 1, 9)), (test, (7, 2))):
        files[f"{folder}/raw/{split}-images-idx3-ubyte"] = idx_images(len(labels))
        files[f"{folder}/raw/{split}-labels-idx1-ubyte"] = idx_labels(labels)
    return files


def _qmnist():
    files = _idx("QMNIST", "qmnist-train", "qmnist-test")
    labels = {name: content for name, content in files.items() if "labels" in name}
    images = {name: content for name, content in files.items() if "labels" not in name}
    return images | {
        name.replace("idx1-ubyte", "idx2-int"): idx_labels_of_qmnist([*content[8:]]) for name, content in labels.items()
    }


def _usps(labels):
    lines = (f"{label + 1} " + " ".join(f"{at}:{(-1) ** at}" for at in range(1, 257)) for label in labels)
    return bz2.compress("".join(f"{line}\n" for line in lines).encode())


def _semeion():
    rows = [
        [*[float(at % 2) for at in range(256)], *[float(one == label) for one in range(10)]] for label in [0, 1] * 5
    ]
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)


def _stl10():
    files = {"stl10_binary/unlabeled_X.bin": b""}
    for split, labels in (("train", (1, 10, 3)), ("test", (2, 4))):
        files[f"stl10_binary/{split}_X.bin"] = noise(len(labels), 3 * 96 * 96, channels=1).tobytes()
        files[f"stl10_binary/{split}_y.bin"] = bytes(labels)
    return files


def _in_folders(parts, ending="jpg", folders=("cat", "dog"), count=1):
    """Images by class, ``{part}/{class}/{number}``."""
    return {
        f"{part}/{name}/image_{number:04d}.{ending}": image(10 * at + number, **JPEG)
        for part in parts
        for at, name in enumerate(folders)
        for number in range(1, count + 1)
    }


def _listed(root, images, lists):
    """Images, and lists of them as text."""
    return {f"{root}/{images}/{name}": image(at, **JPEG) for at, name in enumerate(("cat/1.jpg", "dog/2.jpg"))} | {
        f"{root}/{name}": text for name, text in lists.items()
    }


def _aircraft():
    root = "fgvc-aircraft-2013b/data"
    files = {f"{root}/images/{one}.jpg": image(one, **JPEG) for one in (1, 2)}
    lists = {f"{root}/images_variant_{split}.txt": "1 A 300\n2 B\n" for split in ("trainval", "test")}
    return files | lists | {f"{root}/variants.txt": "A 300\nB\n"}


def _pets():
    files = {f"oxford-iiit-pet/images/{one}.jpg": image(at, **JPEG) for at, one in enumerate(("big_cat_1", "dog_1"))}
    lists = {
        f"oxford-iiit-pet/annotations/{split}.txt": "big_cat_1 1 1 1\ndog_1 2 2 1\n" for split in ("trainval", "test")
    }
    return files | lists


def _cars():
    files = {f"stanford_cars/cars_{split}/1.jpg": image(1, **JPEG) for split in ("train", "test")}
    kind = np.array([("1.jpg", 2), ("1.jpg", 1)], dtype=[("fname", "O"), ("class", "O")])
    names = np.array(["Audi", "BMW"], dtype=object)
    return files | {
        "stanford_cars/devkit/cars_meta.mat": mat(class_names=names),
        "stanford_cars/devkit/cars_train_annos.mat": mat(annotations=kind),
        "stanford_cars/cars_test_annos_withlabels.mat": mat(annotations=kind),
    }


def _gtsrb():
    return {
        "gtsrb/GTSRB/Training/00000/00000_00001.ppm": image(1, format="PPM"),
        "gtsrb/GTSRB/Training/00001/00000_00001.ppm": image(2, format="PPM"),
        "gtsrb/GTSRB/Final_Test/Images/00000.ppm": image(3, format="PPM"),
        "gtsrb/GT-final_test.csv": "Filename;Width;ClassId\n00000.ppm;12;1\n",
    }


UNPACKED = {
    "CIFAR10": lambda: {
        **{f"cifar-10-batches-py/data_batch_{one}": _cifar10_batch([one]) for one in range(1, 6)},
        "cifar-10-batches-py/test_batch": _cifar10_batch([3, 4]),
        "cifar-10-batches-py/batches.meta": pickle.dumps({"label_names": [f"name {one}" for one in range(10)]}),
    },
    "CIFAR100": cifar100,
    "MNIST": lambda: _idx("MNIST"),
    "FashionMNIST": lambda: _idx("FashionMNIST"),
    "KMNIST": lambda: _idx("KMNIST"),
    "EMNIST": lambda: _idx("EMNIST", "emnist-balanced-train", "emnist-balanced-test"),
    "QMNIST": _qmnist,
    "USPS": lambda: {"usps.bz2": _usps([0, 9]), "usps.t.bz2": _usps([1])},
    "SEMEION": lambda: {"semeion.data": _semeion()},
    "SVHN": lambda: {
        "train_32x32.mat": mat(X=noise(32, 32 * 9, channels=1).reshape(32, 32, 3, 3), y=np.array([[1], [10], [2]])),
        "test_32x32.mat": mat(X=noise(32, 32 * 6, channels=1).reshape(32, 32, 3, 2), y=np.array([[3], [4]])),
    },
    "STL10": _stl10,
    "Flowers102": flowers102,
    "DTD": lambda: _listed(
        "dtd/dtd", "images", {f"labels/{split}1.txt": "cat/1.jpg\ndog/2.jpg\n" for split in ("train", "val", "test")}
    ),
    "FGVCAircraft": _aircraft,
    "OxfordIIITPet": _pets,
    "Food101": lambda: _listed(
        "food-101", "images",
        {f"meta/{split}.json": '{"cat": ["cat/1"], "dog": ["dog/2"]}' for split in ("train", "test")},
    ),
    "StanfordCars": _cars,
    "SUN397": lambda: {
        f"SUN397/{name[0]}/{name}/sun_{one}.jpg": image(one, **JPEG) for name in ("cat", "dog") for one in range(5)
    }
    | {"SUN397/ClassName.txt": "/c/cat\n/d/dog\n"},
    "Caltech101": lambda: _in_folders(["caltech101/101_ObjectCategories"], count=5)
    | _in_folders(["caltech101/101_ObjectCategories"], folders=["BACKGROUND_Google"]),
    "Caltech256": lambda: {
        f"caltech256/256_ObjectCategories/{number:03d}.{name}/{number:03d}_{one:04d}.jpg": image(one, **JPEG)
        for number, name in ((1, "cat"), (2, "dog"))
        for one in range(1, 6)
    },
    "EuroSAT": lambda: _in_folders(["eurosat/2750"], count=5),
    "GTSRB": _gtsrb,
    "Country211": lambda: _in_folders([f"country211/{split}" for split in ("train", "valid", "test")]),
    "RenderedSST2": lambda: _in_folders(
        [f"rendered-sst2/{split}" for split in ("train", "valid", "test")], "png", ("negative", "positive")
    ),
    "Imagenette": lambda: _in_folders(
        [f"imagenette2/{split}" for split in ("train", "val")], "jpeg", ("n01440764", "n02102040")
    ),
}  # fmt: skip
"""The files below the root of each dataset, by torchvision's name."""

TWO_CLASSES = (
    "DTD", "FGVCAircraft", "OxfordIIITPet", "Food101", "StanfordCars", "SUN397", "Caltech101", "Caltech256", "EuroSAT",
    "Country211", "RenderedSST2", "Imagenette",
)  # fmt: skip


def _cifar10_batch(labels):
    return pickle.dumps({"data": noise(len(labels), 3072, channels=1, seed=labels[0]), "labels": labels})


def write_unpacked(root, name):
    for path, content in UNPACKED[name]().items():
        write(root / path, content)
    return root


def publish_tiny(monkeypatch, name):
    """Let torchvision and the harness take the tiny files of a dataset for the published ones."""
    files = {
        path: content.encode() if isinstance(content, str) else content for path, content in UNPACKED[name]().items()
    }
    checksums = {path.split("/")[-1]: md5(content) for path, content in files.items()}
    kind = getattr(torchvision.datasets, name)
    for attribute in ("train_list", "test_list"):
        if hasattr(kind, attribute):
            known = [[one, checksums[one]] for one, _ in getattr(kind, attribute) if one in checksums]
            monkeypatch.setattr(kind, attribute, known)
    if hasattr(kind, "meta"):
        monkeypatch.setattr(kind, "meta", kind.meta | {"md5": checksums[kind.meta["filename"]]})
    if name == "SVHN":
        monkeypatch.setattr(kind, "split_list", {
            split: [url, file, checksums.get(file, "")] for split, (url, file, _) in kind.split_list.items()
        })  # fmt: skip
    if name == "SEMEION":
        monkeypatch.setattr(kind, "md5_checksum", checksums["semeion.data"])
    if name == "Flowers102":
        known = {part: (file, checksums.get(file)) for part, (file, _) in kind._file_dict.items()}
        monkeypatch.setattr(kind, "_file_dict", known)
    if name in TWO_CLASSES:
        monkeypatch.setitem(LIBRARY_DATASETS, name, replace(LIBRARY_DATASETS[name], classes=2))


CIFAR100 = tgz(cifar100())


def publish_cifar100(monkeypatch, address, archive=CIFAR100):
    publish_tiny(monkeypatch, "CIFAR100")
    monkeypatch.setattr(torchvision.datasets.CIFAR100, "url", f"{address}cifar-100-python.tar.gz")
    monkeypatch.setattr(torchvision.datasets.CIFAR100, "tgz_md5", md5(archive))
