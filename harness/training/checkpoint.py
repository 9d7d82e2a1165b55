"""Checkpoints: everything needed to resume a case after an epoch, as if it had not been interrupted.

An epoch's randomness comes from the case's seed and the epoch's number alone, so a checkpoint holds the network with
its BatchNorm statistics, the optimizer's momentum, and the records. It is bound to its case's identity and to the
version of the training code. Its SHA-256 lies beside it, in the format of ``sha256sum -c``. The last two are kept.
"""

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.config.case import Case
from harness.errors import DamagedError
from harness.files import (
    REFUSED,
    open_to_overwrite,
    os_error_as_input_error,
    put_in_place,
    quarantine,
    write_atomically,
    write_text_atomically,
)
from harness.foreign_files import list_folder, read_regular, sha256_of
from harness.training.checkpoint_file import Checkpoint, Expected, read_attempts, read_checkpoint, write_checkpoint

_KEPT = 2
_HASH = ".sha256"
_MOST_HASH_BYTES = 1000  # a SHA-256 and a file's name
_START = "checkpoint-"
# Format 1 was torch.save's, in a file *.pt. Those files are listed and removed like the others, but never read.
_NAME = re.compile(r"checkpoint-(\d{5,})-(\d+)\.(?:safetensors|pt)")
# The file that is filled before it gets its name. A checkpoint no longer needed is overwritten: the system already has
# memory and disk for it, which saves a tenth of the time (ResNet-110, 60 alternating saves each).
_SPARE = "checkpoint-spare"
# The errors of opening what no training has saved: a special file, one that is too large, a link to nothing.
_ODD = {errno.EINVAL, errno.EFBIG, errno.ELOOP, errno.ENXIO, errno.ENODEV}


def most_weights_kept(case: Case) -> int:
    """Return how many times the size of its weights a case's checkpoints take on disk while one is saved."""
    each = 3 if case.val_split else 2  # network, momentum, and the best epoch's network
    return each * (_KEPT + 1)


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Save a checkpoint, then remove all but it and the one before.

    Raises:
        OSError: the file cannot be written; the earlier checkpoints stay.
    """
    earlier = newest_first(folder)
    path, spare = folder / checkpoint.file_name, folder / _SPARE
    sha256 = _write(spare, checkpoint)
    write_text_atomically(hash_path(path), f"{sha256}  {path.name}\n")
    put_in_place(spare, path)
    for old in earlier[_KEPT - 1 :]:
        old.replace(spare)
        hash_path(old).unlink(missing_ok=True)


def _write(path: Path, checkpoint: Checkpoint) -> str:
    """Write the checkpoint to the disk, over the file there if it has no other name; return its SHA-256."""
    with open_to_overwrite(path) as file:
        write_checkpoint(file, checkpoint)
        file.truncate()
        file.seek(0)
        with ThreadPoolExecutor(1) as disk:  # the disk writes during the hashing: each takes as long as the other
            on_disk = disk.submit(os.fsync, file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            on_disk.result()
    return sha256


def adopt(folder: Path, files: Mapping[str, memoryview]) -> None:
    """Store a checkpoint that was saved on another machine, then remove all but it and the one before.

    Checkpoints of later epochs in the folder are quarantined: the other machine found them damaged, or of other code.

    Args:
        files: the contents of the checkpoint and of its hash, by file name.

    Raises:
        DamagedError: the checkpoint's SHA-256 is not the one sent with it.
        OSError: a file cannot be written; the earlier checkpoints stay.
    """
    (name,) = (name for name in files if _NAME.fullmatch(name))
    path = folder / name
    sha256 = bytes(files[hash_path(path).name])
    if not sha256.startswith(hashlib.sha256(files[name]).hexdigest().encode()):
        raise DamagedError(f"{name} was damaged on its way here: its SHA-256 is not the one sent with it")
    write_atomically(hash_path(path), lambda file: file.write(sha256))
    write_atomically(path, lambda file: file.write(files[name]))
    there = newest_first(folder)
    place = there.index(path)
    for later in there[:place]:
        quarantine(later)
    for old in there[place + _KEPT :]:
        old.unlink()
        hash_path(old).unlink(missing_ok=True)


def is_part(name: str) -> bool:
    """Return whether a file of that name is a checkpoint or the hash of one."""
    return _NAME.fullmatch(name.removesuffix(_HASH)) is not None


def newest_first(folder: Path) -> list[Path]:
    """List the folder's checkpoints, whole or damaged, of this format or another, the latest first.

    Raises:
        InputError: the folder cannot be read.
    """
    found = ((match, path) for path in _all(folder) if (match := _NAME.fullmatch(path.name)))
    return [path for _, path in sorted(found, key=lambda one: tuple(map(int, one[0].groups())), reverse=True)]


def load(path: Path, expected: Expected) -> Checkpoint:
    """Read a case's checkpoint into tensors on the CPU. Nothing in the file is ever executed.

    Raises:
        DamagedError: the file is damaged, of another case, or not a checkpoint. The message names it.
        OtherFormatError: the file is a whole checkpoint of another format.
        OSError: the file cannot be read, independent of its content.
    """
    try:
        _require_whole(path, expected.most_bytes)
    except OSError as error:
        if not shows_damage(error):
            raise
        raise DamagedError(f"{error.filename} is damaged: {error.strerror}") from error
    return read_checkpoint(path, expected)


def shows_damage(error: OSError) -> bool:
    """Return whether opening a file failed since it is of a kind or size that no training saves."""
    return error.errno in _ODD


def _require_whole(path: Path, most_bytes: int) -> None:
    """Raise a DamagedError if a file's SHA-256 is not the one beside it."""
    try:
        stated = read_regular(hash_path(path), _MOST_HASH_BYTES)
    except FileNotFoundError as error:
        raise DamagedError(f"{hash_path(path)} is missing: without it {path.name} is not trusted") from error
    try:
        is_whole = stated.startswith(sha256_of(path, most_bytes).encode())
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is a link to a file that is missing") from error
    if not is_whole:
        raise DamagedError(f"{path} is damaged: its SHA-256 is not the one beside it")


def environments_in(folder: Path, epochs: int) -> tuple[Mapping[str, Any], ...]:
    """Return the environments of the attempts in the newest checkpoint; none without a valid one.

    Args:
        epochs: the number of epochs that the case trains.

    Raises:
        InputError: the folder cannot be read.
    """
    for path in newest_first(folder)[:1]:
        with contextlib.suppress(OSError, KeyError, RecursionError, TypeError, ValueError):
            return tuple(attempt.environment for attempt in read_attempts(path, epochs))
    return ()


def is_any_left(folder: Path) -> bool:
    """Return whether any part of a checkpoint is in the folder, quarantined files excepted.

    Raises:
        InputError: the folder cannot be read.
    """
    return bool(_all(folder))


def _all(folder: Path) -> list[Path]:
    with os_error_as_input_error(f"read the checkpoints in {folder}", "make the folder readable"):
        found = [path for path in list_folder(folder) if path.name.startswith(_START) and path.suffix != REFUSED]
        return [path for path in found if path.is_symlink() or not path.is_dir()]


def remove_all(folder: Path) -> None:
    """Remove a case's checkpoints: the case is finished, or starts from scratch.

    Raises:
        InputError: the folder cannot be read.
        OSError: a file cannot be removed.
    """
    for path in _all(folder):
        path.unlink(missing_ok=True)


def hash_path(path: Path) -> Path:
    """Return the path of a checkpoint's SHA-256."""
    return path.with_name(path.name + _HASH)
