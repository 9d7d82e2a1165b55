"""GTSRB (Stallkamp et al. 2012) as in the study: all 39,209 training images, in one of three layouts.

The layouts are the official archives, the same unpacked, and the Kaggle copy. torchvision's GTSRB has another training
archive, of 26,640 images; it is refused.
"""

import functools
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from harness.data.decoding import ImageFile, decode, file_on_disk
from harness.data.download import fetch, has_md5
from harness.data.formats.folder_listing import is_present_folder, list_folder
from harness.data.formats.gtsrb_labels import read_rows, read_text
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source, incomplete, require_regular_files, tree_key, unverifiable
from harness.errors import InputError, results_of_both
from harness.foreign_files import open_regular
from harness.text import listed

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
FILES = (
    f"{TRAIN_ZIP}, {TEST_ZIP} and {LABELS_ZIP} (from {ARCHIVE_URL}), unpacked or not, "
    "or Kaggle's Train.csv, Test.csv, Train/ and Test/"
)

_TRAIN_FOLDER = "GTSRB/Final_Training/Images"
_TEST_FOLDER = "GTSRB/Final_Test/Images"
_TEST_LABELS = "GT-final_test.csv"
_UNPACKED = {
    TRAIN_ZIP: (_TRAIN_FOLDER,),
    TEST_ZIP: (_TEST_FOLDER,),
    LABELS_ZIP: (_TEST_LABELS, f"GTSRB/{_TEST_LABELS}", f"{_TEST_FOLDER}/{_TEST_LABELS}"),
}

_MOST_ARCHIVE_BYTES = 512 * 2**20  # the largest, of the training images, has 276 MB
_MAX_MEMBER_BYTES = 16 * 2**20  # an image of the dataset has at most 250 × 250 pixels

_TRACK_NAME = re.compile(r"(?:[0-9]{5}_)?([0-9]{5})_[0-9]{5}")

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
    for root in _roots(data_dir):
        if (root / "Train.csv").exists() or (root / "Test.csv").exists():
            return _source("Kaggle", root, partial(_list_kaggle, root), unverifiable, [root])
        parts = _find_parts(root)
        if (root / "GTSRB/Training").is_dir() and TRAIN_ZIP not in parts:
            raise InputError(
                f"{root} holds torchvision's GTSRB with 26,640 training images; the study has 39,209\n"
                f"put {TRAIN_ZIP} (from {ARCHIVE_URL}) into it, unpacked or not"
            )
        if parts:
            return _official(root, parts)
    return None


def download(data_dir: Path) -> None:
    """Download the archives that are missing, neither packed nor unpacked; they are never unpacked."""
    root = next((root for root in _roots(data_dir) if _find_parts(root)), data_dir / "gtsrb")
    parts = _find_parts(root)
    for name, md5 in MD5.items():
        if parts.get(name, root / name) == root / name:
            fetch(f"{ARCHIVE_URL}{name}", root, md5)


def _roots(data_dir: Path) -> tuple[Path, Path]:
    return data_dir / "gtsrb", data_dir / "GTSRB"


def _find_parts(root: Path) -> dict[str, Path]:
    """Return the path of each part of the official dataset that is there, by its archive's name.

    The path is the archive, or what was unpacked from it. Unpacked parts precede archives if the training images are
    unpacked.
    """
    base = next((base for base in (root, root.parent) if is_present_folder(base / _TRAIN_FOLDER)), None)
    parts = {}
    for name in MD5:
        unpacked = [(base or root) / inner for inner in _UNPACKED[name]]
        places = [root / name, *unpacked] if base is None else [*unpacked, root / name]
        if found := [place for place in places if place.exists()]:
            parts[name] = found[0]
    return parts


def _official(root: Path, parts: dict[str, Path]) -> Source:
    packed = [name for name in parts if parts[name] == root / name]
    layout = listed(["folders"] * (len(packed) < len(parts)) + ["archives"] * bool(packed))
    folder = root if packed or TRAIN_ZIP not in parts else parts[TRAIN_ZIP].parents[2]
    missing = [name for name in MD5 if name not in parts]
    if missing:
        return incomplete(f"official {layout}", folder, missing)
    lists, verify = partial(_list_official, parts), partial(_verify, root, packed)
    return _source(f"official {layout}", folder, lists, verify, [*parts.values()])


def _source(
    layout: str, path: Path, lists: Callable[[], Lists], verify: Callable[[], bool], places: Sequence[Path]
) -> Source:
    """Return the source of listed images; ``places`` are the files and folders that they lie in."""
    list_both = functools.cache(lists)

    def count() -> tuple[int, int]:
        train, test = list_both()
        return len(train), len(test)

    def read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
        train, test = list_both()
        return results_of_both(partial(_decode, train, train_limit), partial(_decode, test, test_limit))

    check = partial(require_regular_files, *places)
    return Source(layout, path, count, verify, read, key=partial(tree_key, *places), check=check)


def _decode(files: list[ImageFile], limit: int | None) -> ImageSet:
    return decode([files[position] for position in evenly_spaced(len(files), limit)], channels=3, size=None)


def _verify(root: Path, packed: Sequence[str]) -> bool:
    """Return whether all parts are archives; refuse an archive that is not the published one."""
    for name in packed:
        if not has_md5(root / name, MD5[name], _MOST_ARCHIVE_BYTES):
            raise InputError(f"{root / name} is not the published file: its MD5 is not {MD5[name]}; download it again")
    return len(packed) == len(MD5)


def _inside(root: Path, relative: str, csv_name: str) -> Path:
    """Return ``root/relative``, a path that a CSV named; refuse one that leaves ``root``."""
    path = root / relative
    if Path(relative).is_absolute() or ".." in Path(relative).parts:
        raise InputError(f"{csv_name} names {relative!r}, which is outside of {root}")
    return path


def _list_official(parts: dict[str, Path]) -> Lists:
    """List the images of the three parts, each unpacked or inside its archive."""
    train, test = parts[TRAIN_ZIP], parts[TEST_ZIP]
    labelled = _list_archive(train) if train.name == TRAIN_ZIP else _list_folder(train)
    name, rows = _read_test_labels(parts[LABELS_ZIP])
    files = [(row["Filename"], int(row["ClassId"])) for row in rows]
    if test.name == TEST_ZIP:
        archive = _open_archive(test)
        return labelled, [_file_in_archive(archive, f"{_TEST_FOLDER}/{file}", label) for file, label in files]
    return labelled, [file_on_disk(_inside(test, file, name), label) for file, label in files]


def _read_test_labels(path: Path) -> tuple[str, list[dict[str, str]]]:
    """Return the name and the rows of the test images' labels, from the CSV or from its archive."""
    if path.name != LABELS_ZIP:
        return str(path), read_rows(read_text(path), str(path), ("Filename", "ClassId"), ";")
    archive = _open_archive(path)
    if _TEST_LABELS not in archive.namelist():
        raise InputError(f"{path}:{_TEST_LABELS} is missing: the archive is not GTSRB's test labels")
    return f"{path}:{_TEST_LABELS}", _read_rows_in_archive(archive, _TEST_LABELS)


def _list_folder(images: Path) -> list[ImageFile]:
    """List the unpacked training images."""
    train: list[ImageFile] = []
    for folder in list_folder(images)[0]:
        name = folder / f"GT-{folder.name}.csv"
        for row in read_rows(read_text(name), str(name), ("Filename", "ClassId"), ";"):
            path = _inside(folder, row["Filename"], str(name))
            train.append(file_on_disk(path, int(row["ClassId"]), _track(row["ClassId"], path.name.split("_")[0])))
    if not train:
        raise InputError(f"{images} has no class folders: it needs the folders 00000 to 00042")
    return train


def _list_archive(path: Path) -> list[ImageFile]:
    """List the training images inside their archive."""
    archive = _open_archive(path)
    train: list[ImageFile] = []
    for member in sorted(archive.namelist()):
        if member.endswith(".csv"):
            folder = member.rsplit("/", 1)[0]
            for row in _read_rows_in_archive(archive, member):
                track = _track(row["ClassId"], row["Filename"].split("_")[0])
                train.append(_file_in_archive(archive, f"{folder}/{row['Filename']}", int(row["ClassId"]), track))
    if not train:
        raise InputError(f"{path} has no GT-*.csv inside: it is not GTSRB's training archive")
    return train


def _list_kaggle(root: Path) -> Lists:
    def rows(name: str) -> list[dict[str, str]]:
        return read_rows(read_text(root / name), str(root / name), ("ClassId", "Path"), ",")

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


def _open_archive(path: Path) -> zipfile.ZipFile:
    try:
        open_regular(path, _MOST_ARCHIVE_BYTES).close()
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: download it again") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
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


def track_in_file_name(image: Path, label: int) -> str | None:
    """Return the track that ``track_shot`` or Kaggle's ``class_track_shot`` shows; else None."""
    match = _TRACK_NAME.fullmatch(image.stem)
    return _track(str(label), match[1]) if match else None


def _track(label: str, number: str) -> str:
    """Return a track's name that is unique over all classes: official numbers restart in every class."""
    return f"{int(label):05d}_{number}"
