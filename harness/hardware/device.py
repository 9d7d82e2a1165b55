"""Which device trains, at which precision, and how its work is timed."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import torch

from harness.errors import InputError

Precision = Literal["fp32", "tf32", "bf16"]
PRECISIONS = ("auto", "fp32", "tf32", "bf16")
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h
_AMPERE = (8, 0)  # the first compute capability with tf32 and bf16


def resolve_device(name: str) -> torch.device:
    """The device of ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``auto`` is the fastest that is there.

    Raises:
        InputError: no such device, or it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and (kind != "cuda" or not number.isdecimal())):
        raise InputError(f"unknown device {name!r}: give auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda":
        present = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= present:
            there = f"cuda:0 to cuda:{present - 1}" if present else "cpu"
            raise InputError(f"device {name!r} is not there: this machine has {there}")
        return torch.device("cuda", int(number or 0))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("device 'mps' is not there: this machine has no Apple GPU that torch can use")
    return torch.device(kind)


def resolve_precision(name: str, device: torch.device, pipeline: str = "fast") -> Precision:
    """The precision of that name on that device; ``auto`` is bf16 where an NVIDIA GPU has it, else fp32;
    for the reference pipeline it is always fp32.

    bf16 is that of products in the forward and backward pass alone: weights, sums and statistics stay float32.

    Raises:
        InputError: no such precision, or the device does not have it.
    """
    if name not in PRECISIONS:
        raise InputError(f"unknown precision {name!r}: give one of {', '.join(PRECISIONS)}")
    is_ampere = device.type == "cuda" and torch.cuda.get_device_capability(device) >= _AMPERE
    if name == "tf32" and not is_ampere:
        raise InputError(
            f"precision 'tf32' is not to be had on {device}: it needs an NVIDIA GPU of compute capability 8.0"
        )
    if name == "auto":
        return "bf16" if is_ampere and pipeline == "fast" else "fp32"
    return name  # type: ignore[return-value]


@contextlib.contextmanager
def computing_at(precision: str) -> Iterator[None]:
    """Float32 products as the precision says, forward and backward; the global settings are put back afterwards.

    bf16 is `autocast` around the forward pass besides.
    """
    # cudnn.rnn too: torch refuses to say what cuDNN's precision is where conv and rnn differ, and its compiler asks.
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
    """The forward pass at bf16 where the precision is that; the weights stay float32.

    Each weight is used once in a pass, so a cache of their casts would be of no use, and would outlive a capture.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
