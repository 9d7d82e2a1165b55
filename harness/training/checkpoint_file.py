"""The file of a checkpoint: a safetensors file with all but the tensors as JSON in its header.

Nothing in a file is executed when it is read, no size is taken on trust, and what contradicts itself is refused.
"""

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import safe_open
from torch import Tensor

from harness.errors import DamagedError, InputError
from harness.foreign_files import open_regular
from harness.results.reading import validated
from harness.results.result import Attempt, EpochRecord

FORMAT = 2
SUFFIX = ".safetensors"
# A network has hundreds of tensors of a few bytes. Those of fewer elements than this are saved as one tensor per type,
# which saves some 3 ms of ResNet-110's 26 on a CPU.
_SMALL = 2**16
_PACKED = "packed."
# The limit of a header: the names of thousands of tensors and the attempts of a case that was often interrupted, each
# of some 3 KB, and for every epoch its record, of less than 1 KB, and one attempt more.
_HEADER_BYTES, _HEADER_BYTES_PER_EPOCH = 2**23, 2**13
_TYPES = {  # as the safetensors format names them
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_GROUPS = "network", "momentum", "best"
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


@dataclass(frozen=True)
class Expected:
    """The properties that every checkpoint of a case has.

    Attributes:
        identity: the case's.
        epochs: the number of epochs that the case trains.
        has_best: True if the best epoch is chosen on validation images.
        state: the state of the case's network by name, on any device: only shapes and types count.
    """

    identity: str
    epochs: int
    has_best: bool
    state: Tensors

    @property
    def most_bytes(self) -> int:
        """The largest size of a checkpoint's file: the network, its momentum, the best network and the header."""
        return len(_GROUPS) * sum(tensor.nbytes for tensor in self.state.values()) + most_header_bytes(self.epochs)


def most_header_bytes(epochs: int) -> int:
    """Return the largest size of the header of a checkpoint of a case with so many epochs."""
    return _HEADER_BYTES + _HEADER_BYTES_PER_EPOCH * epochs


def write_checkpoint(file: BinaryIO, checkpoint: Checkpoint) -> None:
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


def read_checkpoint(path: Path, expected: Expected) -> Checkpoint:
    """Read a checkpoint's file into tensors on the CPU.

    Raises:
        DamagedError: the content is not a checkpoint of the case.
        OtherFormatError: the content is of another format.
    """
    if path.suffix != SUFFIX:
        raise OtherFormatError(f"{path} is a checkpoint of format 1, this harness reads {FORMAT}")
    try:
        metadata = _read_metadata(path, most_header_bytes(expected.epochs))
        if metadata["checkpoint_format"] == str(FORMAT):
            checkpoint = _decode(path, metadata["about"])
            _require_possible(checkpoint, path.name)
            return _require_of_case(checkpoint, path, expected)
        found = int(metadata["checkpoint_format"])
    except (DamagedError, MemoryError):
        raise
    except Exception as error:  # any kind, as the file may hold anything
        reason = str(error).strip().partition("\n")[0]
        raise DamagedError(f"{path} is not a checkpoint of this harness: {reason}") from error
    raise OtherFormatError(f"{path} is a checkpoint of format {found}, this harness reads {FORMAT}")


def read_attempts(path: Path, epochs: int) -> tuple[Attempt, ...]:
    """Read the attempts of the checkpoint of a case with so many epochs, without its tensors.

    Raises:
        OSError: the file cannot be read.
        KeyError, RecursionError, TypeError, ValueError: it is not a checkpoint.
    """
    about = json.loads(_read_metadata(path, most_header_bytes(epochs))["about"])
    return tuple(validated(Attempt, attempt) for attempt in about["attempts"])


def _read_metadata(path: Path, most_bytes: int) -> Mapping[str, str]:
    """Return the header's texts.

    Raises:
        OSError: the file cannot be read.
        KeyError, RecursionError, TypeError, ValueError: it is not a safetensors file with such a header.
    """
    with open_regular(path, sys.maxsize) as file:  # of any size: only the header is read
        size = int.from_bytes(file.read(8), "little")
        if size > most_bytes:
            raise ValueError(f"its header has {size:,} bytes, and such a header has at most {most_bytes:,}")
        metadata: Mapping[str, str] = json.loads(file.read(size))["__metadata__"]
    return metadata


def _decode(path: Path, text: str) -> Checkpoint:
    """Return the checkpoint of a file whose header has this text."""
    about = json.loads(text)
    with safe_open(path, "pt") as file:
        # Copies: the file itself, which is mapped into memory, will be overwritten by a later checkpoint.
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a mapping
    for key, shapes in about["shapes"].items():
        packed = tensors.pop(key)
        if twice := tensors.keys() & shapes.keys():
            raise ValueError(f"it has {min(twice)} twice")
        parts = torch.split(packed, [math.prod(shape) for shape in shapes.values()])
        tensors |= {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
    groups = {group: _with_prefix(tensors, f"{group}.") for group in _GROUPS}
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


def _require_possible(checkpoint: Checkpoint, name: str) -> None:
    """Raise a ValueError if no training saves such epochs and attempts under this name."""
    epochs = [record.epoch for record in checkpoint.records]
    if epochs != list(range(1, len(epochs) + 1)):
        raise ValueError(f"its records are not those of the epochs 1 to {len(epochs)}, in order")
    firsts = [attempt.first_epoch for attempt in checkpoint.attempts]
    if not firsts or firsts[0] != 1 or firsts != sorted(firsts) or firsts[-1] > len(epochs) + 1:
        raise ValueError(f"its attempts begin with the epochs {firsts!s:.40}, but it has {len(epochs)} epochs")
    if checkpoint.file_name != name:
        raise ValueError(f"its content is that of {checkpoint.file_name}")


def _require_of_case(checkpoint: Checkpoint, path: Path, expected: Expected) -> Checkpoint:
    """Return the checkpoint if it is of the case, else raise a DamagedError."""
    if checkpoint.identity != expected.identity:
        wrong, right = checkpoint.identity[:12], expected.identity[:12]
        raise DamagedError(f"{path} is of another case: {wrong}, this one is {right}")
    if len(checkpoint.records) > expected.epochs:
        raise DamagedError(f"{path} has {len(checkpoint.records)} epochs, the case has {expected.epochs}")
    network, momentum, state = map(_kinds, (checkpoint.network, checkpoint.momentum, expected.state))
    best = _kinds(checkpoint.best or {})
    if network != state or not momentum.items() <= state.items() or best not in ({}, state):
        raise DamagedError(f"{path} has other tensors than the case's network")
    if bool(best) != (expected.has_best and bool(checkpoint.records)):
        raise DamagedError(f"{path} {'has' if best else 'lacks'} the network after the best epoch")
    tensors = [*checkpoint.network.values(), *checkpoint.momentum.values(), *(checkpoint.best or {}).values()]
    if any(bool(one.isnan().any()) for one in tensors):  # infinite values are allowed: masks have them
        raise DamagedError(f"{path} has NaN in its tensors")
    return checkpoint


def _kinds(tensors: Tensors) -> dict[str, tuple[torch.dtype, torch.Size]]:
    return {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
