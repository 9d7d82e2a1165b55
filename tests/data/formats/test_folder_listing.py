"""Every image in a folder is taken, or an error names it."""

import errno
import os
import socket
import subprocess
import sys

import pytest
from torchvision.datasets import ImageFolder

from harness.data.formats import folder_listing
from harness.data.formats.folder_listing import is_present_folder, list_folder, list_images
from harness.errors import InputError
from tests.data.builders import write
from tests.helpers import REPOSITORY


def listed(folder):
    return [image.relative_to(folder).as_posix() for image in list_images(folder)]


def fault_of(function, *arguments):
    with pytest.raises(InputError) as refusal:
        function(*arguments)
    return str(refusal.value)


# --- sub-folders


def test_images_in_sub_folders_are_those_of_image_folder_in_its_order(tmp_path):
    names = ("z.png", "day/1.png", "day/deep/er/1.jpg", "day-2/1.png", "day 2/10.png", "day 2/9.png", "Day/1.png")
    for name in names:
        write(tmp_path / "cat" / name, b"")
    (tmp_path / "cat/linked").symlink_to(tmp_path / "cat/day")
    expected = [os.path.relpath(path, tmp_path / "cat") for path, _ in ImageFolder(tmp_path).samples]
    assert len(expected) == len(names) + 2
    assert listed(tmp_path / "cat") == expected


@pytest.mark.parametrize("target", [".", "..", "../..", "/", "deep"])
def test_a_link_to_a_folder_that_contains_it_is_named(tmp_path, target):
    write(tmp_path / "train/cat/deep/1.png", b"")
    (tmp_path / "train/cat/deep/loop").symlink_to(tmp_path / "train/cat" / target)
    message = fault_of(list_images, tmp_path / "train/cat")
    assert message.startswith(f"link {tmp_path}/train/cat/deep/loop leads back to a folder that contains it: remove")


def test_images_in_a_very_deep_folder_are_taken(tmp_path):
    write(tmp_path / "/".join("d" * 100) / "1.png", b"")
    assert len(listed(tmp_path)) == 1


# --- what cannot be reached, or is no file


def dangling(path):
    path.symlink_to("/not/mounted/0.png")
    return f"link {path} leads to /not/mounted/0.png, which does not exist: is its disk mounted? Restore it, or remove"


def dangling_relative(path):
    path.symlink_to("../elsewhere/0.png")
    return f"link {path} leads to ../elsewhere/0.png, which does not exist"


def dangling_chain(path):
    (path.parent / ".second").symlink_to("/not/mounted")
    path.symlink_to(path.parent / ".second")
    return f"link {path} leads to {path.parent}/.second, which does not exist"


def link_to_itself(path):
    path.symlink_to(path)
    return f"{path} cannot be read: Too many levels of symbolic links"


def named_pipe(path):
    os.mkfifo(path)
    return f"{path} is a named pipe, not an image: remove it"


def device(path):
    path.symlink_to("/dev/null")
    return f"{path} is a device, not an image: remove it"


def bound_socket(path):
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"/proc/self/fd/{here}/{path.name}")  # a socket's path has at most 107 characters
    os.close(here)
    return f"{path} is a socket, not an image: remove it"


def evicted_to_icloud(path):
    placeholder = write(path.parent / f".{path.name}.icloud", b"bplist00")
    return f"{placeholder} is a placeholder for an image in iCloud: download the image"


UNREACHABLE = [
    dangling,
    dangling_relative,
    dangling_chain,
    link_to_itself,
    named_pipe,
    device,
    evicted_to_icloud,
    pytest.param(bound_socket, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")),
]


@pytest.mark.parametrize("make", UNREACHABLE)
@pytest.mark.parametrize("place", [".", "deep/er"])
def test_what_cannot_be_an_image_is_named_and_never_left_out(tmp_path, make, place):
    write(tmp_path / "cat/1.png", b"")
    (tmp_path / "cat" / place).mkdir(parents=True, exist_ok=True)
    expected = make(tmp_path / "cat" / place / "0.png")
    assert fault_of(list_images, tmp_path / "cat").startswith(expected)
    assert fault_of(list_folder, tmp_path / "cat" / place).startswith(expected)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ENOTCONN, errno.ESTALE])
def test_a_sub_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch, code):
    write(tmp_path / "cat/1.png", b"")
    write(tmp_path / "cat/closed/2.png", b"")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise OSError(code, os.strerror(code))
        return scan(path)

    monkeypatch.setattr(folder_listing.os, "scandir", refuse)
    expected = f"{tmp_path}/cat/closed cannot be read: {os.strerror(code)}"
    assert fault_of(list_images, tmp_path / "cat") == expected


def test_all_faults_of_a_folder_are_named_together(tmp_path):
    write(tmp_path / "video.mp4", b"")
    for number in range(6):
        dangling(tmp_path / f"{number}.png")
    message = fault_of(list_images, tmp_path)
    assert message.startswith(f"7 faults:\n  link {tmp_path}/0.png leads to")
    assert message.endswith("\n  and 2 more")
    assert len(message.splitlines()) == 7


@pytest.mark.parametrize(
    "name", ["clip.mp4", "photo.heic", "scan.pdf", "cat.zip", "0.png.part", "array.npy", "link.lnk", "archive.h5"]
)
def test_a_file_that_is_not_read_by_its_ending_is_named(tmp_path, name):
    path = write(tmp_path / name, b"")
    ending = path.suffix
    assert fault_of(list_images, tmp_path) == (
        f"{path}: {ending} files are not read; convert it to PNG or JPEG, or remove it"
    )


@pytest.mark.parametrize("name", ["0", "IMG_0001", "0.JPG", "0.jpeg", "0.webp", "0.tif", "0.ppm", "a.b.png", "0.gif"])
def test_images_of_every_format_and_without_an_ending_are_taken(tmp_path, name):
    write(tmp_path / name, b"")
    assert listed(tmp_path) == [name]


# --- order and presence


@pytest.mark.parametrize("name", ["\u00e9", "e\u0301"])  # in NFC, after z if sorted by code points, and in NFD
def test_names_sort_alike_in_nfc_and_nfd(tmp_path, name):
    for one in ("a", name, "f", "z"):
        write(tmp_path / one / f"{one}.png", b"")
    assert listed(tmp_path) == [f"{one}/{one}.png" for one in ("a", "f", "z", name)]


LIST_IN_ASCII = """
import pathlib, sys
from harness.data.formats.folder_listing import list_images
assert sys.getfilesystemencoding() == sys.argv[2], sys.getfilesystemencoding()
print([image.name.encode("utf-8", "surrogateescape") for image in list_images(pathlib.Path(sys.argv[1]))])
"""


def test_names_sort_alike_in_every_locale(tmp_path):
    for name in ("z.png", "\u00e9.png", "e\u0301b.png", "\U0001f600.png", "\uff5e.png"):
        write(tmp_path / name, b"")
    orders = set()
    for locale, encoding in (({"PYTHONUTF8": "1"}, "utf-8"), ({"PYTHONUTF8": "0", "LC_ALL": "C"}, "ascii")):
        environment = {**os.environ, "PYTHONCOERCECLOCALE": "0", **locale}
        command = [sys.executable, "-c", LIST_IN_ASCII, str(tmp_path), encoding]
        orders.add(subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, check=True).stdout)
    assert len(orders) == 1


def test_an_absent_folder_and_a_file_are_no_folder(tmp_path):
    assert is_present_folder(tmp_path)
    assert not is_present_folder(tmp_path / "absent")
    assert not is_present_folder(write(tmp_path / "file", b""))
    assert not is_present_folder(tmp_path / "file/below")
    assert not is_present_folder(tmp_path / "a\0b")


@pytest.mark.parametrize("below", ["", "flowers", "flowers/train"])
def test_a_folder_behind_a_link_to_nothing_is_not_taken_for_absent(tmp_path, below):
    (tmp_path / "disk").symlink_to("/not/mounted")
    message = fault_of(is_present_folder, tmp_path / "disk" / below)
    assert message.startswith(f"link {tmp_path}/disk leads to /not/mounted, which does not exist")
