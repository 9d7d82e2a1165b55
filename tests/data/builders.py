"""Tiny datasets in their publishers' layouts, and a server on this machine to fetch them from."""

import gzip
import hashlib
import io
import multiprocessing
import pickle
import struct
import sys
import tarfile
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from harness.data.download import LOCK

PATIENCE_SECONDS = 60  # with a process that hangs

anything = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""Decorator of a property test: the same examples every time, however slow the machine."""


# --- images and class folders


def noise(height, width=None, channels=3, seed=0):
    shape = (height, width or height, channels) if channels > 1 else (height, width or height)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def encode(pixels, format="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def write(path, content):
    """Write text or bytes, making the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_class_folders(root, classes=("cat", "dog"), *, train=2, test=1, size=8, channels=3):
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate(classes):
            for number in range(count):
                seed = (split == "test") * 10_000 + label * 100 + number
                write(root / split / name / f"{number}.png", encode(noise(size, channels=channels, seed=seed)))
    return root


def write_table(folder, *, images=4, size=8):
    """Write a table of images of two classes, half of them for the test; return its path."""
    lines = ["path,label,split"]
    for number in range(2 * images):
        write(folder / f"{number}.png", encode(noise(size, seed=number)))
        lines.append(f"{number}.png,{'cat' if number % 2 else 'dog'},{'train' if number < images else 'test'}")
    return write(folder / "labels.csv", "\n".join(lines))


def write_arrays(path, *, images=4, size=8):
    """Write RGB images of two classes, named as Keras does, to an ``.npz`` file; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.arange(images) % 2
    parts = [np.stack([noise(size, seed=100 * part + number) for number in range(images)]) for part in (0, 1)]
    np.savez(path, x_train=parts[0], y_train=labels, x_test=parts[1], y_test=labels)
    return path


# --- FashionMNIST: idx files

IDX_IMAGES, IDX_LABELS = 0x803, 0x801


def idx(magic, shape, values):
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + bytes(values)


def idx_images(count, size=28, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)
    return idx(IDX_IMAGES, values.shape, values.tobytes())


def idx_labels(labels):
    return idx(IDX_LABELS, (len(labels),), labels)


def idx_contents(train=(0, 1, 9, 3, 4), test=(7, 2, 9)):
    """File name → content of a FashionMNIST with these labels."""
    return {
        "train-images-idx3-ubyte": idx_images(len(train), seed=1),
        "train-labels-idx1-ubyte": idx_labels(train),
        "t10k-images-idx3-ubyte": idx_images(len(test), seed=2),
        "t10k-labels-idx1-ubyte": idx_labels(test),
    }


def compressed_idx(contents):
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in contents.items()}


def write_files(folder, contents):
    for name, content in contents.items():
        write(folder / name, content)
    return folder


# --- GTSRB. One list of images for the three layouts: label, track, shot; widths and heights differ.

GTSRB_TRAIN = [(label, track, shot) for label in (0, 1, 20) for track in (0, 1) for shot in (0, 1)]
GTSRB_TEST_LABELS = (20, 0, 1)
_GTSRB_TEST_NAMES = [f"{number:05d}" for number in range(len(GTSRB_TEST_LABELS))]
_OFFICIAL_HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
_KAGGLE_HEADER = "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path"


def gtsrb_train_pixels(label, track, shot):
    return noise(15 + label, 16 + shot, seed=100 * label + 10 * track + shot)


def gtsrb_test_pixels(number):
    return noise(18 + number, 15, seed=9_000 + number)


def official_csv(rows):
    """Return a GT-*.csv of (file name, label)."""
    return "".join(f"{line}\r\n" for line in (_OFFICIAL_HEADER, *(f"{n};9;9;1;1;8;8;{label}" for n, label in rows)))


def _official_train():
    files = {}
    for label in sorted({label for label, *_ in GTSRB_TRAIN}):
        folder = f"GTSRB/Final_Training/Images/{label:05d}"
        shots = [(track, shot) for of, track, shot in GTSRB_TRAIN if of == label]
        for track, shot in shots:
            content = encode(gtsrb_train_pixels(label, track, shot), "PPM")
            files[f"{folder}/{track:05d}_{shot:05d}.ppm"] = content
        rows = [(f"{track:05d}_{shot:05d}.ppm", label) for track, shot in shots]
        files[f"{folder}/GT-{label:05d}.csv"] = official_csv(rows)
    return files


def _official_test():
    folder = "GTSRB/Final_Test/Images"
    files = {f"{folder}/{n}.ppm": encode(gtsrb_test_pixels(k), "PPM") for k, n in enumerate(_GTSRB_TEST_NAMES)}
    without_label = "".join(f"{name}.ppm;9;9;1;1;8;8\r\n" for name in _GTSRB_TEST_NAMES)
    files[f"{folder}/GT-final_test.test.csv"] = f"{_OFFICIAL_HEADER.removesuffix(';ClassId')}\r\n{without_label}"
    return files


def _official_test_labels():
    rows = [(f"{name}.ppm", label) for name, label in zip(_GTSRB_TEST_NAMES, GTSRB_TEST_LABELS, strict=True)]
    return {"GT-final_test.csv": official_csv(rows)}


def write_gtsrb_folders(base):
    """Write the official archives' content, unpacked, into ``base``."""
    return write_files(base, {**_official_train(), **_official_test(), **_official_test_labels()})


def gtsrb_archives():
    """File name → content of the three official archives."""
    return {
        "GTSRB_Final_Training_Images.zip": zipped({**_official_train(), "GTSRB/Readme-Images.txt": "hello"}),
        "GTSRB_Final_Test_Images.zip": zipped(_official_test()),
        "GTSRB_Final_Test_GT.zip": zipped(_official_test_labels()),
    }


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unzipped(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_gtsrb_kaggle(folder, train=GTSRB_TRAIN):
    """Write the Kaggle copy; its Train.csv lists the training images in the given order."""
    train_rows, test_rows = [], []
    for label, track, shot in train:
        path = f"Train/{label}/{label:05d}_{track:05d}_{shot:05d}.png"
        write(folder / path, encode(gtsrb_train_pixels(label, track, shot)))
        train_rows.append(f"9,9,1,1,8,8,{label},{path}")
    for number, label in enumerate(GTSRB_TEST_LABELS):
        path = f"Test/{_GTSRB_TEST_NAMES[number]}.png"
        write(folder / path, encode(gtsrb_test_pixels(number)))
        test_rows.append(f"9,9,1,1,8,8,{label},{path}")
    write(folder / "Train.csv", "\n".join([_KAGGLE_HEADER, *train_rows, ""]))
    write(folder / "Test.csv", "\n".join([_KAGGLE_HEADER, *test_rows, ""]))
    write(folder / "Meta.csv", "Path,ClassId,ShapeId,ColorId,SignId\nMeta/0.png,0,1,0,3.29\n")
    return folder


# --- CIFAR-10: python batches

CIFAR10_BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")


def cifar10_batch(name, count=2):
    seed = CIFAR10_BATCHES.index(name)
    data = np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8)
    return {"data": data, "labels": [(seed + number) % 10 for number in range(count)]}


def cifar10_contents():
    """File name → content of the folder ``cifar-10-batches-py``, two images to a batch."""
    contents = {name: pickle.dumps(cifar10_batch(name)) for name in CIFAR10_BATCHES}
    return {**contents, "batches.meta": pickle.dumps({"label_names": list("abcdefghij")})}


def cifar10_archive(contents):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


# --- faults


def peak_bytes(function):
    """Most bytes of Python's that were in use at once while the function ran."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc or /sys")


def unreadable(path):
    """Return a file that can be opened but not read by any user; Linux only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/proc/self/mem")
    return path


def started(function, *arguments):
    """Start a new process that calls a function of a test module."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


def exit_code(process):
    """How the process ended; one that hangs is ended."""
    process.join(PATIENCE_SECONDS)
    process.kill()
    process.join()
    return process.exitcode


def wait_until(condition):
    """Wait for something that another process is about to do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)


# --- a server


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def files_under(folder):
    """Every file under the folder but locks, hidden ones too, as paths relative to it."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return sorted(str(path.relative_to(folder)) for path in files)
