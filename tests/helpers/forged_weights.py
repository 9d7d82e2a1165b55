"""Files that stand where a case's weights should be: each is one error that names the file."""

import json
import os
import struct

import torch
from safetensors.torch import load, save

_FLOAT = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def encoded(header, data_bytes=4):
    """Return a safetensors file with this header, an object or bytes, and zeros as its data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data_bytes)


def _float(**changes):
    return {"a": _FLOAT | changes}


DAMAGED = {
    "empty": b"",
    "shorter than its length": b"\x01\x02",
    "no header": struct.pack("<Q", 0),
    "garbage": bytes(range(256)) * 40,
    "text": b"<html>404 Not Found</html>" * 10,
    "header beyond the file": struct.pack("<Q", 2**20) + b"{}",
    "header of 2**63 bytes": struct.pack("<Q", 2**63) + b"{}",
    "header no json": encoded(b"{"),
    "header a list": encoded([]),
    "header nested": encoded(b'{"a":' * 100_000),
    "header not utf-8": encoded(b'{"\xff": {}}'),
    "no offsets": encoded({"a": {"dtype": "F32", "shape": [1]}}),
    "negative shape": encoded(_float(shape=[-1])),
    "shape of 2**65": encoded(_float(shape=[2**62, 8])),
    "shape of 10**400": encoded(_float(shape=[10**400])),
    "offsets backwards": encoded(_float(data_offsets=[4, 0])),
    "offsets beyond the file": encoded(_float(data_offsets=[0, 4 * 2**40], shape=[2**40])),
    "offsets overlapping": encoded({"a": _FLOAT, "b": _FLOAT}),
    "data left over": encoded(_float(), 4000),
    "unknown dtype": encoded(_float(dtype="F128")),
    "metadata of numbers": encoded({"__metadata__": {"x": 1}, "a": _FLOAT}),
}
"""Contents that are no safetensors file, by name."""


def _renamed(state):
    return {f"module.{name}": tensor for name, tensor in state.items()}


def _recast(state, dtype):
    return {name: tensor.to(dtype) if tensor.dtype == torch.float32 else tensor for name, tensor in state.items()}


OTHER_TENSORS = {
    "no tensors": lambda state: {},
    "one missing": lambda state: dict(list(state.items())[:-1]),
    "one more": lambda state: state | {"extra": torch.zeros(1)},
    "renamed": _renamed,
    "other shape": lambda state: state | {"fc.bias": torch.zeros(99)},
    "transposed": lambda state: state | {"fc.weight": state["fc.weight"].T.contiguous()},
    "scalar": lambda state: state | {"fc.bias": torch.zeros(())},
    "float16": lambda state: _recast(state, torch.float16),
    "float64": lambda state: _recast(state, torch.float64),
    "integers": lambda state: _recast(state, torch.int32),
    "complex": lambda state: _recast(state, torch.complex64),
    "float8": lambda state: _recast(state, torch.float8_e5m2),
}
"""Changes that make the state of a network that of another one, by name."""


def _pipe(path):
    os.mkfifo(path)


def _sparse(path):
    with open(path, "wb") as file:
        file.truncate(8 * 2**30)


SPECIAL = {
    "a pipe": _pipe,
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a sparse file": _sparse,
    "a link to nothing": lambda path: path.symlink_to("gone"),
}
"""Special files, by what they are: functions that make one at a path."""


def with_state(path, change):
    """Replace a weights file by one whose state is changed."""
    path.write_bytes(save(change(load(path.read_bytes()))))
