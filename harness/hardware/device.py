"""The device that trains, the precision of its products, and waiting for its work."""

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

import torch

from harness.errors import InputError
from harness.hardware.global_settings import fix_settings, require_usual_defaults, restore_settings, warning_only

Precision = Literal["fp32", "tf32", "bf16"]
PRECISIONS = ("auto", "fp32", "tf32", "bf16")
_AMPERE = (8, 0)  # the first compute capability with tf32 and bf16
_CPU_FEATURES = ("avx512_bf16", "amx_bf16")  # torch's names of the instructions for products of bf16
# oneDNN computes torch's convolutions on a CPU; these values forbid it those instructions. It reads the first one set.
_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
_ISAS_WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")


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

    ``auto`` is bf16 on a device that computes it in hardware, otherwise fp32; in the reference pipeline always fp32.
    bf16 applies only to the products of the forward and backward pass: weights, sums and statistics stay float32.

    Raises:
        InputError: the name is unknown, the device does not support the precision, or torch's defaults are changed.
    """
    require_usual_defaults()
    if name not in PRECISIONS:
        raise InputError(f"unknown precision {name!r}: give one of {', '.join(PRECISIONS)}")
    if name == "tf32" and not _is_ampere(device):
        raise InputError(
            f"precision 'tf32' is not supported on {device}: it needs an NVIDIA GPU of compute capability 8.0 or higher"
        )
    if name == "auto":
        return "bf16" if pipeline == "fast" and computes_bf16(device) else "fp32"
    return name  # type: ignore[return-value]


def computes_bf16(device: torch.device) -> bool:
    """Return whether the device computes products of bf16 in hardware.

    Elsewhere torch emulates them, slowly.
    """
    if device.type != "cpu":
        return _is_ampere(device)
    greatest_isa = next(filter(None, map(os.environ.get, _ISA_VARIABLES)), "").upper()
    if greatest_isa in _ISAS_WITHOUT_BF16 or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    features = torch.cpu.get_capabilities()
    return any(features.get(feature, False) for feature in _CPU_FEATURES)


def slowness_of(precision: str, device: torch.device) -> str | None:
    """Return a note on a precision that makes training on the device slower; None if it does not."""
    if precision != "bf16" or computes_bf16(device):
        return None
    # Measured with ONEDNN_MAX_CPU_ISA=AVX512_CORE (2.4 times) and AVX2 (4 to 10 times).
    factor = "takes 2 to 10 times as long as at fp32" if device.type == "cpu" else "may take longer than at fp32"
    return f"{device} does not compute bf16 in hardware: training {factor}; give --precision fp32"


def _is_ampere(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= _AMPERE


@contextlib.contextmanager
def computing_at(precision: str, *, deterministic: bool = False) -> Iterator[None]:
    """Compute float32 products at the precision, forward and backward.

    Global settings of torch do not count, and are restored. bf16 also needs `autocast` around the forward pass.

    Args:
        deterministic: choose only kernels whose results have the same bits in every run.
    """
    saved = fix_settings(precision, deterministic=deterministic)
    try:
        with warning_only() if deterministic else contextlib.nullcontext():
            yield
    finally:
        restore_settings(saved)


def autocast(precision: str, device: torch.device, *, keeps_casts: bool = False) -> torch.autocast:
    """Return the autocast context of a forward pass: bf16 for that precision, else disabled.

    The weights stay float32. Each is used once per pass, so a cache of casts would be useless, and outlive a capture.

    Args:
        keeps_casts: keep the cast weights for further forward passes inside the context.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=keeps_casts)


def wait_for_device(device: torch.device) -> None:
    """Wait until the device has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
