"""Checkpoints: all that is needed to go on after an epoch as if nothing had happened.

Since an epoch's randomness comes from the case's seed and the epoch's number alone, that is the network with its
BatchNorm statistics, the optimizer's momentum, and what has been recorded. A checkpoint is bound to its case's identity
and to the version of the training code; its SHA-256 lies beside it, as ``sha256sum -c`` reads it. The last two are
kept.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.config.case import Case
from harness.errors import DamagedError
from harness.files import REFUSED, put_in_place, quarantine, write_atomically, write_text_atomically
from harness.results.reading import validated
from harness.results.result import Attempt, EpochRecord

FORMAT = 1
_KEPT = 2
_ALL = "checkpoint-*"
_HASH = ".sha256"
_NAME = re.compile(r"checkpoint-(\d{5,})-(\d+)\.pt")
# The file that is written to before it gets its name. One that is no longer needed is written over: the system has
# memory and disk for it already, which makes saving half as long again as quick.
_SPARE = "checkpoint-spare"
# A network has hundreds of tensors of a few bytes: those of fewer elements than this are saved as one.
_SMALL = 2**16
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A case's training after an epoch.

    Attributes:
        identity: the case's.
        training_code: the version of the code that trained it.
        records: of every epoch so far.
        attempts: every process that trained at it so far, the one that saved this last.
        network: weights and BatchNorm statistics by name.
        momentum: of each parameter that has one, by name.
        best: the network of the best epoch, where one is chosen on validation images.
    """

    identity: str
    training_code: str
    records: tuple[EpochRecord, ...]
    attempts: tuple[Attempt, ...]
    network: Tensors
    momentum: Tensors
    best: Tensors | None = None

    @property
    def file_name(self) -> str:
        """No two that a case saves are called the same, so none is ever written over another."""
        return f"checkpoint-{len(self.records):05d}-{len(self.attempts)}.pt"


def most_weights_kept(case: Case) -> int:
    """How many times the size of a case's weights its checkpoints take on disk, while one is being saved."""
    each = 3 if case.val_split else 2  # network, momentum, and the best epoch's network
    return each * (_KEPT + 1)


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Save a checkpoint, and remove all but it and the one before.

    Raises:
        OSError: it could not be written; those that were there stay.
    """
    earlier = newest_first(folder)
    path, spare = folder / checkpoint.file_name, folder / _SPARE
    with open(spare, "r+b" if spare.exists() else "w+b") as file:
        sha256 = _write(file, checkpoint)
    write_text_atomically(hash_path(path), f"{sha256}  {path.name}\n")
    put_in_place(spare, path)
    for old in earlier[_KEPT - 1 :]:
        old.replace(spare)
        hash_path(old).unlink(missing_ok=True)


def _write(file: BufferedRandom, checkpoint: Checkpoint) -> str:
    """Fill the file with the checkpoint, to the disk: the SHA-256 of its content."""
    about = {
        "identity": checkpoint.identity,
        "training_code": checkpoint.training_code,
        "records": [record.to_json() for record in checkpoint.records],
        "attempts": [asdict(attempt) for attempt in checkpoint.attempts],
    }
    content = {
        "format": FORMAT,
        "about": json.dumps(about, allow_nan=False),
        "network": _pack(checkpoint.network),
        "momentum": _pack(checkpoint.momentum),
        "best": None if checkpoint.best is None else _pack(checkpoint.best),
    }
    with_checksums = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)  # loading does not look at them, and the SHA-256 covers all
    try:
        torch.save(content, file)
    except RuntimeError as error:  # torch says "unexpected pos" of a full disk, and of Ctrl-C
        raise (error.__context__ if isinstance(error.__context__, OSError | KeyboardInterrupt) else error) from None
    finally:
        torch.serialization.set_crc32_options(with_checksums)
    file.truncate()
    file.flush()
    with ThreadPoolExecutor(1) as disk:  # the disk writes while the hash is computed: each takes as long as the other
        on_disk = disk.submit(os.fsync, file.fileno())
        file.seek(0)
        sha256 = _sha256(file)
        on_disk.result()
    return sha256


def adopt(folder: Path, files: Mapping[str, memoryview]) -> None:
    """Put a checkpoint that was saved on another machine into the folder, and remove all but it and the one before.

    One that is there of later epochs is set aside: the other machine found it damaged, or of other code.

    Args:
        files: the checkpoint's and its hash's contents by name.

    Raises:
        DamagedError: it is not what its hash says.
        OSError: it could not be written; those that were there stay.
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
    """Whether a file of that name is a checkpoint or the hash of one."""
    return _NAME.fullmatch(name.removesuffix(_HASH)) is not None


def newest_first(folder: Path) -> list[Path]:
    """The folder's checkpoints, whole or damaged, the latest first."""
    files = (path for path in folder.glob(_ALL) if path.is_file())
    found = ((match, path) for path in files if (match := _NAME.fullmatch(path.name)))
    return [path for _, path in sorted(found, key=lambda one: tuple(map(int, one[0].groups())), reverse=True)]


def load(path: Path, identity: str, shapes: Mapping[str, torch.Size]) -> Checkpoint:
    """A case's checkpoint, on the CPU. Nothing in the file is ever executed.

    Args:
        identity: the case's.
        shapes: of everything in the state of the case's network.

    Raises:
        DamagedError: it is damaged, of another case, or none. It names the file.
        OSError: it cannot be read, whatever its content.
    """
    with open(path, "rb") as file:
        try:
            is_whole = hash_path(path).read_text("ascii", "replace").startswith(_sha256(file))
        except FileNotFoundError as error:
            raise DamagedError(f"{hash_path(path)} is missing: without it {path.name} is not trusted") from error
        if not is_whole:
            raise DamagedError(f"{path} is damaged: its SHA-256 is not the one beside it")
        file.seek(0)
        try:
            checkpoint = _read(file)
        except MemoryError:
            raise
        except Exception as error:  # whatever torch finds in a file that is none of ours
            reason = str(error).strip().partition("\n")[0]
            raise DamagedError(f"{path} is not a checkpoint of this harness: {reason}") from error
    if checkpoint.identity != identity:
        raise DamagedError(f"{path} is of another case: {checkpoint.identity[:12]}, this one is {identity[:12]}")
    network, momentum = (
        {name: tensor.shape for name, tensor in tensors.items()}
        for tensors in (checkpoint.network, checkpoint.momentum)
    )
    if network != shapes or not momentum.items() <= shapes.items():
        raise DamagedError(f"{path} has other tensors than the case's network")
    return checkpoint


def is_any_left(folder: Path) -> bool:
    """Whether anything of a checkpoint lies in the folder."""
    return bool(_all(folder))


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.glob(_ALL) if path.is_file() and path.suffix != REFUSED]


def remove_all(folder: Path) -> None:
    """Remove a case's checkpoints: it is finished, or begins anew."""
    for path in _all(folder):
        path.unlink(missing_ok=True)


def _read(file: BufferedReader) -> Checkpoint:
    content = torch.load(file, map_location="cpu", weights_only=True)
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']!r}, this harness reads {FORMAT}")
    about = json.loads(content["about"])
    return Checkpoint(
        identity=str(about["identity"]),
        training_code=str(about["training_code"]),
        records=tuple(validated(EpochRecord, record) for record in about["records"]),
        attempts=tuple(validated(Attempt, attempt) for attempt in about["attempts"]),
        network=_unpack(content["network"]),
        momentum=_unpack(content["momentum"]),
        best=None if content["best"] is None else _unpack(content["best"]),
    )


def _pack(tensors: Tensors) -> dict[str, Any]:
    """Large tensors as they are, small ones laid one after the other, those of each type in one tensor."""
    by_type: dict[torch.dtype, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if tensor.numel() < _SMALL:
            by_type.setdefault(tensor.dtype, {})[name] = tensor.detach()
    packed = [
        (
            [(name, tuple(tensor.shape)) for name, tensor in small.items()],
            torch.cat([tensor.reshape(-1) for tensor in small.values()]),
        )
        for small in by_type.values()
    ]
    return {"large": {n: t.detach() for n, t in tensors.items() if t.numel() >= _SMALL}, "packed": packed}


def _unpack(content: Mapping[str, Any]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = dict(content["large"])
    for places, flat in content["packed"]:
        parts = flat.split([math.prod(shape) for _, shape in places])
        tensors |= {name: part.reshape(shape) for (name, shape), part in zip(places, parts, strict=True)}
    if not all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()):
        raise TypeError("its tensors are none")
    return tensors


def _sha256(file: BufferedReader | BufferedRandom) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def hash_path(path: Path) -> Path:
    """Where the SHA-256 of a checkpoint lies."""
    return path.with_name(path.name + _HASH)
