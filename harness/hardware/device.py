"""The device that trains, the precision of its products, and waiting for its work."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import torch

from harness.errors import InputError

Precision = Literal["fp32", "tf32", "bf16"]
PRECISIONS = ("auto", "fp32", "tf32", "bf16")
_AMPERE = (8, 0)  # the first compute capability with tf32 and bf16


def resolve_device(name: str) -> torch.device:
    """Return the device named ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``auto``: the fastest.

    Raises:
        InputError: the name is unknown, or this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and (kind != "cuda" or not number.isdecimal())):
        raise InputError(f"unknown device {name!r}: give auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda":
        present = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= present:
            found = f"cuda:0 to cuda:{present - 1}" if present else "cpu"
            raise InputError(f"device {name!r} not found: this machine has {found}")
        return torch.device("cuda", int(number or 0))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("device 'mps' not found: this machine has no Apple GPU that torch can use")
    return torch.device(kind)


def resolve_precision(name: str, device: torch.device, pipeline: str = "fast") -> Precision:
    """Return the precision of that name on the device.

    ``auto`` is bf16 on an NVIDIA GPU that supports it, otherwise fp32; in the reference pipeline it is always fp32.
    bf16 applies only to the products of the forward and backward pass: weights, sums and statistics stay float32.

    Raises:
        InputError: the name is unknown, or the device does not support the precision.
    """
    if name not in PRECISIONS:
        raise InputError(f"unknown precision {name!r}: give one of {', '.join(PRECISIONS)}")
    is_ampere = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _AMPERE
    if name == "tf32" and not is_ampere:
        raise InputError(
            f"precision 'tf32' is not supported on {device}: it needs an NVIDIA GPU of compute capability 8.0 or higher"
        )
    if name == "auto":
        return "bf16" if is_ampere and pipeline == "fast" else "fp32"
    return name  # type: ignore[return-value]


@contextlib.contextmanager
def computing_at(precision: str) -> Iterator[None]:
    """Compute float32 products at the precision, forward and backward.

    The global settings are restored afterwards. bf16 also needs `autocast` around the forward pass.
    """
    # cudnn.rnn too: torch refuses to report cuDNN's precision if conv and rnn differ, and its compiler reads it.
    cudnn: Any = torch.backends.cudnn
    settings: tuple[Any, ...] = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the autocast context of a forward pass: bf16 for that precision, else disabled.

    The weights stay float32. Each is used once per pass, so a cache of casts would be useless, and outlive a capture.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)


def wait_for_device(device: torch.device) -> None:
    """Wait until the device has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
