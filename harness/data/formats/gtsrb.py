"""GTSRB (Stallkamp et al. 2012) as in the study: all 39,209 training images, in one of three layouts.

The layouts are the official archives, the same unpacked, and the Kaggle copy. torchvision's GTSRB has another training
archive, of 26,640 images; it is refused.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.config.datasets import SPECS
from harness.data.download import fetch, has_md5
from harness.data.images import ImageFile, ImageSet, decode, evenly_spaced, file_on_disk
from harness.data.source import Source, unverifiable
from harness.errors import InputError

ARCHIVE_URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
TRAIN_ZIP, TEST_ZIP, LABELS_ZIP = (
    "GTSRB_Final_Training_Images.zip",
    "GTSRB_Final_Test_Images.zip",
    "GTSRB_Final_Test_GT.zip",
)
MD5 = {
    TRAIN_ZIP: "f33fd80ac59bff73c82d25ab499e03a3",
    TEST_ZIP: "c7e4e6327067d32654124b0fe9e82185",
    LABELS_ZIP: "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
}
FILES = f"{TRAIN_ZIP}, {TEST_ZIP} and {LABELS_ZIP}, unpacked or not, or Kaggle's Train.csv, Test.csv, Train/ and Test/"

_TRAIN_FOLDER = "GTSRB/Final_Training/Images"
_TEST_FOLDER = "GTSRB/Final_Test/Images"
_TEST_LABELS = "GT-final_test.csv"

_MAX_MEMBER_BYTES = 16 * 2**20  # an image of the dataset has at most 250 × 250 pixels

Lists = tuple[list[ImageFile], list[ImageFile]]

# The errors that zipfile raises on damaged, encrypted or foreign archives.
_ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    UnicodeDecodeError,
)


def locate(data_dir: Path) -> Source | None:
    """Return the dataset found in ``gtsrb`` or ``GTSRB``, in any of its three layouts.

    Raises:
        InputError: only torchvision's smaller dataset is there.
    """
    for root in (data_dir / "gtsrb", data_dir / "GTSRB"):
        if (root / "Train.csv").exists() or (root / "Test.csv").exists():
            return _source("Kaggle", root, partial(_list_kaggle, root), unverifiable)
        for base in (root, root.parent):
            if (base / _TRAIN_FOLDER).is_dir():
                return _source("official folders", base, partial(_list_folders, base), unverifiable)
        if (root / "GTSRB/Training").is_dir() and not (root / TRAIN_ZIP).exists():
            raise InputError(
                f"{root} holds torchvision's GTSRB with 26,640 training images; the study has 39,209\n"
                f"put {TRAIN_ZIP} (from {ARCHIVE_URL}) into it, unpacked or not"
            )
        if any((root / name).exists() for name in MD5):
            source = _source("official archives", root, partial(_list_archives, root), partial(_verify, root))
            return replace(source, missing=tuple(name for name in MD5 if not (root / name).exists()))
    return None


def download(data_dir: Path) -> None:
    """Download the three official archives into ``gtsrb``; they are never unpacked."""
    for name, md5 in MD5.items():
        fetch(f"{ARCHIVE_URL}{name}", data_dir / "gtsrb", md5)


def _source(layout: str, path: Path, lists: Callable[[], Lists], verify: Callable[[], bool]) -> Source:
    def count() -> tuple[int, int]:
        train, test = lists()
        return len(train), len(test)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        train, test = lists()
        return _decode(train, train_limit), _decode(test, test_limit)

    return Source(layout, path, count, verify, read)


def _decode(files: list[ImageFile], limit: int | None) -> ImageSet:
    return decode([files[position] for position in evenly_spaced(len(files), limit)], channels=3, size=None)


def _verify(root: Path) -> bool:
    for name, md5 in MD5.items():
        if not has_md5(root / name, md5):
            raise InputError(f"{root / name} is not the published file: its MD5 is not {md5}; download it again")
    return True


def read_rows(text: str, name: str, columns: Iterable[str], delimiter: str) -> list[dict[str, str]]:
    """Read the rows of a CSV that has these columns and, in ``ClassId``, labels from 0 to 42.

    Raises:
        InputError: a column is missing, a row is too short, a label is out of range, or there are no rows. The message
            names the file and the line.
    """
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    wanted = tuple(columns)
    rows = []
    try:
        missing = [column for column in wanted if column not in (reader.fieldnames or ())]
        if missing:
            raise InputError(
                f"{name} lacks column {missing[0]!r}: it needs {', '.join(wanted)}, separated by {delimiter!r}"
            )
        for row in reader:
            if any(row[column] is None for column in wanted):
                raise InputError(f"{name}, line {reader.line_num}: the row is too short")
            if not _is_label(row["ClassId"]):
                label = row["ClassId"][:20]
                raise InputError(f"{name}, line {reader.line_num}: label {label!r} is out of range 0 to 42")
            rows.append(row)
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}: not a CSV ({error})") from error
    if not rows:
        raise InputError(f"{name} has no rows")
    return rows


def _is_label(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) < SPECS["gtsrb"].num_classes


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: it has GTSRB's labels; download it again") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _inside(root: Path, relative: str, csv_name: str) -> Path:
    """Return ``root/relative``, a path that a CSV named; refuse one that leaves ``root``."""
    path = root / relative
    if Path(relative).is_absolute() or ".." in Path(relative).parts:
        raise InputError(f"{csv_name} names {relative!r}, which is outside of {root}")
    return path


def _list_folders(base: Path) -> Lists:
    train: list[ImageFile] = []
    for folder in sorted((base / _TRAIN_FOLDER).iterdir()):
        if folder.is_dir() and not folder.name.startswith("."):
            name = folder / f"GT-{folder.name}.csv"
            for row in read_rows(_read_text(name), str(name), ("Filename", "ClassId"), ";"):
                path = _inside(folder, row["Filename"], str(name))
                train.append(file_on_disk(path, int(row["ClassId"]), _track(row["ClassId"], path.name.split("_")[0])))
    if not train:
        raise InputError(f"{base / _TRAIN_FOLDER} has no class folders: it needs the folders 00000 to 00042")
    places = (base / _TEST_LABELS, base / "GTSRB" / _TEST_LABELS, base / _TEST_FOLDER / _TEST_LABELS)
    name = next((place for place in places if place.exists()), places[0])
    rows = read_rows(_read_text(name), str(name), ("Filename", "ClassId"), ";")
    folder = base / _TEST_FOLDER
    return train, [file_on_disk(_inside(folder, row["Filename"], str(name)), int(row["ClassId"])) for row in rows]


def _list_kaggle(root: Path) -> Lists:
    def rows(name: str) -> list[dict[str, str]]:
        return read_rows(_read_text(root / name), str(root / name), ("ClassId", "Path"), ",")

    def track(path: Path) -> str:
        # class_track_shot.png; track numbers restart in every class
        return "_".join(path.stem.split("_")[:2])

    def files(name: str) -> list[tuple[Path, int]]:
        return [(_inside(root, row["Path"], str(root / name)), int(row["ClassId"])) for row in rows(name)]

    # In the order of the official layouts, so that the same images have the same fingerprint.
    train = sorted(files("Train.csv"), key=lambda file: (file[1], file[0].name))
    test = sorted(files("Test.csv"), key=lambda file: file[0].name)
    return (
        [file_on_disk(path, label, track(path)) for path, label in train],
        [file_on_disk(path, label) for path, label in test],
    )


def _list_archives(root: Path) -> Lists:
    """List the images inside the official archives, which are read without unpacking."""
    train_zip, test_zip, labels_zip = (_open_archive(root / name) for name in (TRAIN_ZIP, TEST_ZIP, LABELS_ZIP))
    train: list[ImageFile] = []
    for member in sorted(train_zip.namelist()):
        if member.endswith(".csv"):
            folder = member.rsplit("/", 1)[0]
            for row in _read_rows_in_archive(train_zip, member):
                track = _track(row["ClassId"], row["Filename"].split("_")[0])
                train.append(_file_in_archive(train_zip, f"{folder}/{row['Filename']}", int(row["ClassId"]), track))
    if not train:
        raise InputError(f"{root / TRAIN_ZIP} has no GT-*.csv inside: it is not GTSRB's training archive")
    if _TEST_LABELS not in labels_zip.namelist():
        raise InputError(f"{root / LABELS_ZIP}:{_TEST_LABELS} is missing: the archive is not GTSRB's test labels")
    return train, [
        _file_in_archive(test_zip, f"{_TEST_FOLDER}/{row['Filename']}", int(row["ClassId"]))
        for row in _read_rows_in_archive(labels_zip, _TEST_LABELS)
    ]


def _open_archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: gtsrb needs all three archives, {', '.join(MD5)}") from error
    except _ARCHIVE_ERRORS as error:
        raise InputError(f"{path} is damaged ({error}): download it again") from error


def _read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """Return a member's content; raise an OSError if it is absent, damaged or a decompression bomb."""
    try:
        info = archive.getinfo(member)
        if info.file_size > _MAX_MEMBER_BYTES:
            raise OSError(f"it would unpack to {info.file_size:,} bytes")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise OSError("it is compressed by another method than deflate")  # whose unpacking cannot be limited
        with archive.open(info) as file:
            return file.read(_MAX_MEMBER_BYTES)  # the limit holds even if the declared size is false
    except _ARCHIVE_ERRORS as error:
        raise OSError(f"not in the archive, or damaged there: {error}") from error


def _read_rows_in_archive(archive: zipfile.ZipFile, member: str) -> list[dict[str, str]]:
    name = f"{archive.filename}:{member}"
    try:
        text = _read_member(archive, member).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name} cannot be read: {error}") from error
    return read_rows(text, name, ("Filename", "ClassId"), ";")


def _file_in_archive(archive: zipfile.ZipFile, member: str, label: int, track: str | None = None) -> ImageFile:
    return ImageFile(f"{archive.filename}:{member}", partial(_read_member, archive, member), label, track)


def _track(label: str, number: str) -> str:
    """Return a track's name that is unique over all classes: official numbers restart in every class."""
    return f"{int(label):05d}_{number}"
