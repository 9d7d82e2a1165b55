"""Weights in a safetensors file that may come from strangers, compared with a network before anything is allocated."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.nn.parameter import is_lazy

from harness.errors import DamagedError, InputError
from harness.foreign_files import open_regular
from harness.models.random_state import STATE_LOCK
from harness.text import one_line

_MOST_BYTES = 2**42  # 4 TiB: more than any machine's memory; the file is mapped, not read
_MOST_HEADER_BYTES = 2**23  # 80,000 tensors, of a ResNet of 10,000 layers; that of 1,202 layers has 0.9 MB
_LENGTH_BYTES = 8  # of the header's length, at the file's start
_MOST_REASON_CHARACTERS = 150
# A builder may replace layers that it has made; and modules need not have weights.
_SPARE_PARTS, _MODULES_PER_TENSOR, _SPARE_MODULES = 2, 10, 1000


def map_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weights file by name, mapped into memory: only its header is read.

    Raises:
        DamagedError: the file is missing, or is not a safetensors file. The message names it.
        InputError: the file cannot be read, or is not a regular one. The message names it.
    """
    try:
        with open_regular(path, _MOST_BYTES) as file:
            header_bytes = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if header_bytes > _MOST_HEADER_BYTES:
        raise DamagedError(
            f"{path} does not hold weights: its header has {header_bytes:,} bytes, and such a file has at most "
            f"{_MOST_HEADER_BYTES:,}"
        )
    try:
        return load_file(path)
    except Exception as error:  # any kind, as the file may hold anything
        raise DamagedError(f"{path} does not hold weights: {one_line(str(error), _MOST_REASON_CHARACTERS)}") from error


@contextlib.contextmanager
def building_no_more_than(weights: Mapping[str, Tensor], path: Path) -> Iterator[None]:
    """Stop the building of networks in the block that are larger than those with these weights.

    A forged result can name a network of any depth and width: it is never built in memory.

    Raises:
        DamagedError: a network is larger. The message names the weights' file.
    """
    left = {
        "values": _SPARE_PARTS * sum(tensor.numel() for tensor in weights.values()),
        "parameters": _SPARE_PARTS * len(weights),
        "modules": _MODULES_PER_TENSOR * len(weights) + _SPARE_MODULES,
    }

    def take(kind: str, count: int) -> None:
        left[kind] -= count
        if left[kind] < 0:
            raise DamagedError(f"{path} holds the weights of a smaller network than its result")

    def take_parameter(_: nn.Module, __: str, parameter: nn.Parameter) -> None:
        take("parameters", 1)
        take("values", 0 if is_lazy(parameter) else parameter.numel())

    with STATE_LOCK, contextlib.ExitStack() as hooks:
        for hook in (
            register_module_parameter_registration_hook(take_parameter),
            register_module_module_registration_hook(lambda *_: take("modules", 1)),
        ):
            hooks.callback(hook.remove)
        yield


def first_difference(weights: Mapping[str, Tensor], network: nn.Module) -> str | None:
    """Return the first difference between weights and the state of a network, which may be on the meta device.

    Returns:
        e.g. ``fc.bias is missing`` or ``fc.weight is float16 (10, 64), not float32 (10, 64)``; None without any.
    """
    found, wanted = (
        {name: f"{str(tensor.dtype)[6:]} {tuple(tensor.shape)}" for name, tensor in state.items()}
        for state in (weights, network.state_dict())
    )
    for name, kind in wanted.items():
        if found.get(name) != kind:
            return f"{name} is {found[name]}, not {kind}" if name in found else f"{name} is missing"
    extra = next(iter(found.keys() - wanted.keys()), None)
    return None if extra is None else f"the network has no {extra}"
