"""Errors after which a process cannot use its GPU any more, and the GPUs that this process has lost."""

import re

import torch

from harness.causes import every_link
from harness.errors import DeviceLostError

# The texts of cudaGetErrorString for errors of which CUDA says that the process must be started again.
_STICKY = (
    "device-side assert triggered",
    "an illegal memory access was encountered",
    "an illegal instruction was encountered",
    "misaligned address",
    "invalid program counter",
    "operation not supported on global/shared address space",
    "hardware stack error",
    "tensor memory not completely freed",
    "unspecified launch failure",
    "the launch timed out and was terminated",
    "uncorrectable ECC error encountered",
    "uncorrectable NVLink error detected",
    "Invalid access of peer GPU memory over nvlink or a hardware error",
    "context is destroyed",
    "driver shutting down",
    "the MPS client has been terminated by the server",
    "unknown error",
)
# torch writes "CUDA error: ", its allocator "CUDA driver error: ", and builds for AMD "HIP error: ".
_LOST = re.compile(
    rf"(?:CUDA|HIP)(?: driver)? error: [^\n]*?(?:{'|'.join(map(re.escape, _STICKY))})[^\n]*"
    r"|[^\n]*(?:GPU is lost|no longer in a usable state)[^\n]*"  # NVML's and the driver's words
)
_lost: dict[str, tuple[str, str]] = {}  # the case in training and the cause, by the device's name


def lost_device_cause(error: BaseException, device: torch.device) -> str | None:
    """Return the line of an error that says that the device is lost; None if it is not.

    The line may be of an error that this one was raised from, or that it hides. The loss often shows first under other
    words, e.g. cuDNN's, so the GPU itself is asked too.
    """
    errors = (*every_link(error), *_answer_of(device))
    causes = [found[0].strip() for one in errors if (found := _LOST.search(str(one)))]
    return causes[-1] if causes else None


def _answer_of(device: torch.device) -> list[Exception]:
    """Return the error that a CUDA device answers with, if any."""
    if device.type == "cuda":
        try:
            torch.cuda.synchronize(device)
        except Exception as error:
            return [error]
    return []


def remember_lost(device: torch.device, label: str, cause: str) -> None:
    """Note that this process has lost the device while it trained a case."""
    _lost.setdefault(str(device), (label, cause))


def require_not_lost(device: torch.device, label: str) -> None:
    """Check that this process has not lost the device.

    Raises:
        DeviceLostError: it has, so the case cannot be trained in it.
    """
    if (lost := _lost.get(str(device))) is not None:
        first, cause = lost
        raise DeviceLostError(
            f"{label} is not trained: this process lost {device} in {first} ({cause}); run the same command again to "
            "train it",
            cause,
        )
