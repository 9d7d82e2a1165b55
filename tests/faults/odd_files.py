"""Kinds of odd files and folders: each replaces one file of a results folder."""

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.faults.odd_arrays import CHECKPOINTS, PREDICTIONS, WEIGHTS
from tests.faults.odd_json import LINES, RESULT, SEALED, UNSEALED

_SPARSE_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Place:
    """The file to replace.

    Attributes:
        path: the file or folder; a sidecar's does not exist.
        outside: a folder beside the results, for the targets of links.
        other: the file of the same name of another case, or any other file.
    """

    path: Path
    outside: Path
    other: Path


def _cleared(path: Path) -> Path:
    """Remove a file or folder, and return its path; the folder that it is in is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


def _socket(place, _):
    _cleared(place.path)
    folder = os.getcwd()
    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(place.path.parent)  # a socket's whole path has at most 107 characters
        try:
            one.bind(place.path.name)
        finally:
            os.chdir(folder)


def _link_outside(place, _):
    """Move the content to a file outside, and link to it: it may be read, and never be changed."""
    target = place.outside / "target"
    if place.path.is_dir():
        shutil.copytree(place.path, target)
    elif place.path.exists():
        shutil.copy(place.path, target)
    else:
        target.write_bytes(b"what the user keeps here\n")
    _cleared(place.path).symlink_to(target)


def _hard_link(place, _):
    """Link to a file outside, as a backup of `cp -al` has it."""
    if place.path.is_dir():
        return _hard_linked_folder(place)
    if not place.path.exists():
        place.path.parent.mkdir(parents=True, exist_ok=True)
        place.path.write_bytes(b"what the user keeps here\n")
    return os.link(place.path, place.outside / "backup")


def _hard_linked_folder(place):
    for path in [one for one in place.path.rglob("*") if one.is_file()]:
        backup = place.outside / "backup" / path.relative_to(place.path)
        backup.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, backup)


def _sparse(place, _):
    with open(_cleared(place.path), "wb") as file:
        file.truncate(_SPARSE_BYTES)


def _sparse_after_content(place, _):
    """Extend the file by a hole."""
    place.path.parent.mkdir(parents=True, exist_ok=True)
    with open(place.path, "ab") as file:
        file.truncate(_SPARSE_BYTES)


def _folder(place, random):
    _cleared(place.path).mkdir()
    if random.random() < 0.5:
        (place.path / "inside").write_bytes(b"a file")


def _loop(place, _):
    _cleared(place.path).symlink_to(place.path.name)


def _without_rights(place, random):
    if not place.path.exists():
        _cleared(place.path).write_bytes(b"closed")
    place.path.chmod(random.choice([0o000, 0o000, 0o111, 0o200]))


ANYWHERE = {
    "pipe": lambda place, _: os.mkfifo(_cleared(place.path)),
    "socket": _socket,
    "link to /dev/zero": lambda place, _: _cleared(place.path).symlink_to("/dev/zero"),
    "dangling link": lambda place, _: _cleared(place.path).symlink_to("nowhere"),
    "loop of links": _loop,
    "link to another file": lambda place, _: _cleared(place.path).symlink_to(place.other),
    "link outside": _link_outside,
    "hard link": _hard_link,
    "folder": _folder,
    "without rights": _without_rights,
    "sparse": _sparse,
    "empty": lambda place, _: _cleared(place.path).write_bytes(b""),
    "garbage": lambda place, random: _cleared(place.path).write_bytes(random.randbytes(random.choice([1, 9, 600]))),
}
"""Kinds for any file, folder or name that does not exist."""


def _changed_bytes(change):
    """Return a kind that changes the content of a file."""

    def kind(place, random):
        content = place.path.read_bytes()
        _cleared(place.path).write_bytes(change(bytearray(content), random))

    return kind


def _with_flipped_bit(content, random):
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return content


def _with_zeros(content, random):
    start = random.randrange(len(content) + 1)
    content[start : start + 512] = bytes(len(content[start : start + 512]))
    return content


def _in_utf_16(content, _):
    return content.decode("utf-8", "replace").encode("utf-16")


FILES = {
    "truncated": _changed_bytes(lambda content, random: content[: random.randrange(len(content) + 1)]),
    "one bit flipped": _changed_bytes(_with_flipped_bit),
    "longer": _changed_bytes(lambda content, random: content + random.randbytes(random.choice([1, 100]))),
    "zeros": _changed_bytes(_with_zeros),
    "in UTF-16": _changed_bytes(_in_utf_16),
    "content of another file": lambda place, _: shutil.copy(place.other, _cleared(place.path)),
    "longer by a hole": _sparse_after_content,
    "missing": lambda place, _: _cleared(place.path),
}
"""Kinds for files."""


def _renamed(place, random):
    place.path.rename(place.path.with_name(random.choice(_other_names(place.path.name))))


def _duplicated(place, random):
    of_moved_images = [f"npz-{place.path.name}", f"{place.path.name[:4]}moved-{place.path.name[4:]}"]
    names = [*_other_names(place.path.name), *of_moved_images]
    shutil.copytree(place.path, place.path.with_name(random.choice(names)))


def _other_names(name):
    """Return names that a case's folder cannot have, whatever its images are called."""
    return [f"{name} copy", f"caf\udce9-{name}", name[:-6], name.upper(), f"{name}\x1b[31m", f"-{name}"]


def _as_another(place, _):
    """Give the case's folder the files of another case."""
    shutil.rmtree(place.path)
    shutil.copytree(place.other, place.path)


FOLDERS = {
    "renamed": _renamed,
    "duplicated": _duplicated,
    "missing": lambda place, _: shutil.rmtree(place.path),
}
"""Kinds for folders."""

CASES = FOLDERS | {"files of another case": _as_another}
"""Kinds for the folders of cases."""


def kinds_of(path: Path, name: str) -> dict:
    """Return the kinds that a file of that name can be replaced by.

    Args:
        path: the file in the intact results.
        name: the file's name.
    """
    if path.is_dir():
        return ANYWHERE | (CASES if (path / "epochs.jsonl").exists() else FOLDERS)
    if not path.exists():
        return ANYWHERE
    return ANYWHERE | FILES | _of_content(path, name)


def _of_content(path, name):
    """Return the kinds that know the file's format."""
    if name == "result.json":
        return SEALED | RESULT
    if name == ".rerun.json" or path.parent.name == "throughput":
        return SEALED
    if name in ("looks.json", "axes.json", "tuning.json"):
        return UNSEALED
    if name.startswith("checkpoint-") and path.suffix == ".safetensors":
        return CHECKPOINTS
    return {"epochs.jsonl": LINES, "predictions.npz": PREDICTIONS, "weights.safetensors": WEIGHTS}.get(name, {})
