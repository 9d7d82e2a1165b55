"""Checkpoints: everything needed to resume a case after an epoch, as if it had not been interrupted.

An epoch's randomness comes from the case's seed and the epoch's number alone, so a checkpoint holds the network with
its BatchNorm statistics, the optimizer's momentum, and the records. It is bound to its case's identity and to the
version of the training code. Its SHA-256 lies beside it, in the format of ``sha256sum -c``. The last two are kept.
"""

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from harness.config.case import Case
from harness.errors import DamagedError, InputError
from harness.files import REFUSED, put_in_place, quarantine, sha256_of, write_atomically, write_text_atomically
from harness.results.reading import validated
from harness.results.result import Attempt, EpochRecord

FORMAT = 2
SUFFIX = ".safetensors"
_KEPT = 2
_ALL = "checkpoint-*"
_HASH = ".sha256"
# Format 1 was torch.save's, in a file *.pt. Those files are listed and removed like the others, but never read.
_NAME = re.compile(r"checkpoint-(\d{5,})-(\d+)\.(?:safetensors|pt)")
# The file that is filled before it gets its name. A checkpoint no longer needed is overwritten: the system already has
# memory and disk for it, which saves a tenth of the time (ResNet-110, 60 alternating saves each).
_SPARE = "checkpoint-spare"
# A network has hundreds of tensors of a few bytes. Those of fewer elements than this are saved as one tensor per type,
# which saves some 3 ms of ResNet-110's 26 on a CPU.
_SMALL = 2**16
_PACKED = "packed."
_TYPES = {  # as the safetensors format names them
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
Tensors = Mapping[str, Tensor]


class OtherFormatError(InputError):
    """A checkpoint of a format that this version does not read. Names the file and both formats."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a case's training after an epoch.

    Attributes:
        identity: the case's.
        training_code: the version of the code that trained it.
        records: one per epoch so far.
        attempts: one per process that has trained the case so far; the last one saved this.
        network: weights and BatchNorm statistics by name.
        momentum: the momentum of each parameter that has one, by the parameter's name.
        best: the network after the best epoch, if that epoch is chosen on validation images.
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
        """A name that no other checkpoint of the case has, so that none is overwritten."""
        return f"checkpoint-{len(self.records):05d}-{len(self.attempts)}{SUFFIX}"


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
    """Write the checkpoint to the disk, over an existing file if there is one; return its SHA-256."""
    with open(path, "r+b" if path.exists() else "w+b") as file:
        _encode(file, checkpoint)
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
    """List the folder's checkpoints, whole or damaged, of this format or another, the latest first."""
    files = (path for path in folder.glob(_ALL) if path.is_file())
    found = ((match, path) for path in files if (match := _NAME.fullmatch(path.name)))
    return [path for _, path in sorted(found, key=lambda one: tuple(map(int, one[0].groups())), reverse=True)]


def load(path: Path, identity: str, shapes: Mapping[str, torch.Size]) -> Checkpoint:
    """Read a case's checkpoint into tensors on the CPU. Nothing in the file is ever executed.

    Args:
        identity: the case's.
        shapes: the shape of each tensor in the state of the case's network, by name.

    Raises:
        DamagedError: the file is damaged, of another case, or not a checkpoint. The message names it.
        OtherFormatError: the file is a whole checkpoint of another format.
        OSError: the file cannot be read, independent of its content.
    """
    _require_whole(path)
    checkpoint = _decode(path)
    if checkpoint.identity != identity:
        raise DamagedError(f"{path} is of another case: {checkpoint.identity[:12]}, this one is {identity[:12]}")
    parts = checkpoint.network, checkpoint.momentum, checkpoint.best or checkpoint.network
    network, momentum, best = ({name: tensor.shape for name, tensor in part.items()} for part in parts)
    if not network == best == shapes or not momentum.items() <= shapes.items():
        raise DamagedError(f"{path} has other tensors than the case's network")
    return checkpoint


def _require_whole(path: Path) -> None:
    """Raise a DamagedError if a file's SHA-256 is not the one beside it."""
    try:
        is_whole = hash_path(path).read_text("ascii", "replace").startswith(sha256_of(path))
    except FileNotFoundError as error:
        raise DamagedError(f"{hash_path(path)} is missing: without it {path.name} is not trusted") from error
    if not is_whole:
        raise DamagedError(f"{path} is damaged: its SHA-256 is not the one beside it")


def environments_in(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """Return the environments of the attempts in the newest checkpoint; none without a valid one."""
    for path in newest_first(folder)[:1]:
        with contextlib.suppress(OSError, SafetensorError, KeyError, TypeError, ValueError):
            with safe_open(path, "np") as file:
                about = json.loads(file.metadata()["about"])
            return tuple(validated(Attempt, attempt).environment for attempt in about["attempts"])
    return ()


def is_any_left(folder: Path) -> bool:
    """Return whether any part of a checkpoint is in the folder, quarantined files excepted."""
    return bool(_all(folder))


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.glob(_ALL) if path.is_file() and path.suffix != REFUSED]


def remove_all(folder: Path) -> None:
    """Remove a case's checkpoints: the case is finished, or starts from scratch."""
    for path in _all(folder):
        path.unlink(missing_ok=True)


def hash_path(path: Path) -> Path:
    """Return the path of a checkpoint's SHA-256."""
    return path.with_name(path.name + _HASH)


def _encode(file: BinaryIO, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into a file: tensors by prefixed names, all else as JSON in the header."""
    groups = {"network": checkpoint.network, "momentum": checkpoint.momentum, "best": checkpoint.best or {}}
    tensors = {f"{group}.{name}": tensor.detach() for group, some in groups.items() for name, tensor in some.items()}
    small: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if tensor.numel() < _SMALL:
            small.setdefault(f"{_PACKED}{tensor.dtype}", {})[name] = tensor
    about = {
        "identity": checkpoint.identity,
        "training_code": checkpoint.training_code,
        "records": [record.to_json() for record in checkpoint.records],
        "attempts": [asdict(attempt) for attempt in checkpoint.attempts],
        "shapes": {key: {name: list(part.shape) for name, part in parts.items()} for key, parts in small.items()},
    }
    stored = {name: tensor for name, tensor in tensors.items() if tensor.numel() >= _SMALL}
    stored |= {key: torch.cat([part.reshape(-1) for part in parts.values()]) for key, parts in small.items()}
    _write_tensors(file, stored, {"checkpoint_format": str(FORMAT), "about": json.dumps(about, allow_nan=False)})


def _write_tensors(file: BinaryIO, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, one tensor after the other.

    `safetensors.torch.save` would need memory for the whole file, and ends the process where there is none.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    ordered = sorted(tensors.items(), key=lambda one: -one[1].element_size())  # each is aligned to its type
    for name, tensor in ordered:
        start, end = end, end + tensor.nbytes
        header[name] = {"dtype": _TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the format aligns the tensors' bytes
    file.write(len(text).to_bytes(8, "little") + text)
    for _, tensor in ordered:
        file.write(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def _decode(path: Path) -> Checkpoint:
    """Read the content of a checkpoint's file back.

    Raises:
        DamagedError: the content is not a checkpoint.
        OtherFormatError: the content is of another format.
    """
    if path.suffix != SUFFIX:
        raise OtherFormatError(f"{path} is a checkpoint of format 1, this harness reads {FORMAT}")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            # Copies: the file itself, which is mapped into memory, will be overwritten by a later checkpoint.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a mapping
        if metadata["checkpoint_format"] == str(FORMAT):
            return _checkpoint(json.loads(metadata["about"]), tensors)
        found = int(metadata["checkpoint_format"])
    except MemoryError:
        raise
    except Exception as error:  # any kind, as the file may hold anything
        reason = str(error).strip().partition("\n")[0]
        raise DamagedError(f"{path} is not a checkpoint of this harness: {reason}") from error
    raise OtherFormatError(f"{path} is a checkpoint of format {found}, this harness reads {FORMAT}")


def _checkpoint(about: Mapping[str, Any], tensors: dict[str, Tensor]) -> Checkpoint:
    for key, shapes in about["shapes"].items():
        parts = torch.split(tensors.pop(key), [math.prod(shape) for shape in shapes.values()])
        tensors |= {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
    groups = {group: _with_prefix(tensors, f"{group}.") for group in ("network", "momentum", "best")}
    if sum(map(len, groups.values())) != len(tensors):
        raise ValueError("it has tensors of unknown use")
    return Checkpoint(
        identity=str(about["identity"]),
        training_code=str(about["training_code"]),
        records=tuple(validated(EpochRecord, record) for record in about["records"]),
        attempts=tuple(validated(Attempt, attempt) for attempt in about["attempts"]),
        network=groups["network"],
        momentum=groups["momentum"],
        best=groups["best"] or None,
    )


def _with_prefix(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
