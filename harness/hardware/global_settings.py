"""torch's process-wide settings that change the bits of a training: fixed for a case, then restored.

Any line of a process can set them, a conftest's for example. Unfixed, the same case would have other weights there.
"""

import contextlib
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch

from harness.errors import InputError

_CUDA: Any = torch.backends.cuda
_CUDNN: Any = torch.backends.cudnn
_MKLDNN: Any = torch.backends.mkldnn  # computes convolutions and products on a CPU
# The operations whose precision in float32 can be set, each with the backend whose setting it inherits.
_OPERATIONS = (
    (_CUDA.matmul, _CUDNN),
    (_CUDNN.conv, _CUDNN),
    (_CUDNN.rnn, _CUDNN),
    (_MKLDNN.matmul, _MKLDNN),
    (_MKLDNN.conv, _MKLDNN),
    (_MKLDNN.rnn, _MKLDNN),
)
_TF32_OPERATIONS = 3  # the first ones
_ATTRIBUTES = (
    (_MKLDNN, "enabled"),
    (_MKLDNN, "deterministic"),
    (_CUDNN, "enabled"),
    (_CUDNN, "benchmark"),
    (_CUDNN, "deterministic"),
    (_CUDA.matmul, "allow_bf16_reduced_precision_reduction"),
)
# How each other setting is read and written, in the order of `_fixed_values`.
_SWITCHES: tuple[tuple[Callable[[], Any], Callable[[Any], None]], ...] = (
    *((partial(getattr, *one), partial(setattr, *one)) for one in _ATTRIBUTES),
    *(
        (partial(torch.is_autocast_enabled, kind), partial(torch.set_autocast_enabled, kind))
        for kind in ("cpu", "cuda")
    ),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
)
# The warning filter for torch's message on an operation without a deterministic form.
_WARN_ONLY = ("default", re.compile(r".* does not have a deterministic implementation"), UserWarning, None, 0)


class SavedSettings(NamedTuple):
    """The settings to restore.

    Attributes:
        precisions: of `_OPERATIONS`; ``none`` for an operation that inherits its backend's.
        matmul: torch's older setting of matrix products: ``highest``, ``high`` or ``medium``.
        cudnn_tf32: torch's older setting of cuDNN.
        switches: the values of `_SWITCHES`.
    """

    precisions: tuple[str, ...]
    matmul: str
    cudnn_tf32: bool
    switches: tuple[Any, ...]


def fix_settings(precision: str, *, deterministic: bool) -> SavedSettings:
    """Set everything as a case of this precision demands; return the former settings.

    torch keeps the same precision in an older and in a newer setting. While they contradict each other, every read of
    the older one raises an error, also within torch.compile. So both are set: the older first, since it sets the newer.
    """
    precisions = tuple(_own_precision(*one) for one in _OPERATIONS)
    cudnn_tf32 = _read_cudnn_tf32()
    _set_precisions(["ieee"] * len(_OPERATIONS))  # any value of the older setting can be read then
    saved = SavedSettings(
        precisions, torch.get_float32_matmul_precision(), cudnn_tf32, tuple(read() for read, _ in _SWITCHES)
    )
    is_tf32 = precision == "tf32"
    _set_older("high" if is_tf32 else "highest", cudnn_tf32=is_tf32)
    _set_precisions(["tf32" if is_tf32 and k < _TF32_OPERATIONS else "ieee" for k in range(len(_OPERATIONS))])
    _set_switches(_fixed_values(deterministic))
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its first product
    return saved


def restore_settings(saved: SavedSettings) -> None:
    """Restore the settings, also those that contradict each other."""
    _set_older(saved.matmul, cudnn_tf32=saved.cudnn_tf32)
    _set_precisions(saved.precisions)
    _set_switches(saved.switches)


@contextlib.contextmanager
def warning_only() -> Iterator[None]:
    """Keep a warning of an operation without a deterministic form from being an error (``-W error``).

    It runs in every step: warnings.catch_warnings would make Python forget what it has shown, and show it every step.
    """
    filters: Any = warnings.filters
    filters.insert(0, _WARN_ONLY)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the user's network has reset all filters
            filters.remove(_WARN_ONLY)


def require_usual_defaults() -> None:
    """Check the settings under which a network is built and trained, which cannot be replaced later.

    Raises:
        InputError: one would change the weights, or end the training. The message has the call that mends it.
    """
    dtype, device, smallest_normal = torch.get_default_dtype(), torch.get_default_device(), 2.0**-1022
    for name, is_usual, usual in (
        (f"set_default_dtype({dtype})", dtype == torch.float32, "set_default_dtype(torch.float32)"),
        (f"set_default_device({str(device)!r})", device.type == "cpu", "set_default_device('cpu')"),
        ("set_grad_enabled(False)", torch.is_grad_enabled(), "set_grad_enabled(True)"),
        ("set_flush_denormal(True)", smallest_normal / 2 > 0, "set_flush_denormal(False)"),
    ):
        if not is_usual:
            raise InputError(
                f"torch.{name} in this process would change the training of every case: call torch.{usual} before it"
            )


def _fixed_values(deterministic: bool) -> tuple[Any, ...]:
    """Return the values of `_SWITCHES` for a case: torch's defaults, apart from the deterministic ones.

    torch warns of an operation without a deterministic form, rather than ending the training.
    """
    warning_mode = 1 if deterministic else 0
    return True, deterministic, True, False, deterministic, True, False, False, warning_mode


def _own_precision(operation: Any, backend: Any) -> str:
    value: str = operation.fp32_precision
    return "none" if value == backend.fp32_precision else value


def _read_cudnn_tf32() -> bool:
    """Return cuDNN's older setting, which can be read only if it agrees with the newer ones."""
    _CUDNN.rnn.fp32_precision = _CUDNN.conv.fp32_precision
    try:
        return bool(_CUDNN.allow_tf32)
    except RuntimeError:
        return bool(_CUDNN.conv.fp32_precision != "tf32")


def _set_older(matmul: str, *, cudnn_tf32: bool) -> None:
    torch.set_float32_matmul_precision(matmul)
    _CUDNN.allow_tf32 = cudnn_tf32


def _set_precisions(values: Sequence[str]) -> None:
    for (operation, _), value in zip(_OPERATIONS, values, strict=True):
        operation.fp32_precision = value


def _set_switches(values: Sequence[Any]) -> None:
    for (read, write), value in zip(_SWITCHES, values, strict=True):
        if read() != value:
            write(value)
