"""Memory: kept between steps, returned between cases, its peak measured, running out of it detected."""

import contextlib
import ctypes
import errno
import functools
import gc
import platform
import re
import sys
from pathlib import Path

import torch

from harness.causes import every_link

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h
# The wordings in torch 2.14 and its libraries: of its allocators and of shared memory; of the CUDA runtime and driver,
# NCCL, Apple's and other GPUs; and the states of cuBLAS, cuSOLVER, cuFFT, cuSPARSE and cuDNN (older, newer).
_OUT_OF_MEMORY = re.compile(
    r"CPUAllocator: (can't allocate|not enough) memory|Cannot allocate memory \(12\)|std::bad_alloc|C10 Out of Memory"
    r"|\b(CUDA|HIP|XPU|MPS)\b.{0,40}\bout of memory|cudaErrorMemoryAllocation"
    r"|Invalid buffer size: [\d.]+ [KMGT]i?B|Failed to CUDA (host )?[mc]?alloc|OOM trying to allocate workspace"
    r"|\b(CUBLAS|CUSOLVER|CUDNN|CUSPARSE|CUFFT)\w*_ALLOC(ATION)?_FAILED",
    re.IGNORECASE,
)


@functools.cache
def keep_freed_memory() -> bool:
    """Keep the memory that this process frees for its next step; return whether the C library allows it.

    Every training step frees the memory that the next step allocates again. By default glibc returns large blocks to
    the system, which clears and maps every page again: on some virtual machines this took a quarter of a step. Other C
    libraries are left as they are.
    """
    if not _has_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


def release_freed_memory(device: torch.device) -> None:
    """Return free memory to the system, so that a case's peak excludes the memory of earlier cases."""
    if device.type == "cuda":
        gc.collect()  # frees captured graphs above all
        torch.cuda.empty_cache()
    elif _has_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def _has_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the error is lack of memory, or follows from such an error.

    It follows if it was raised because of the other one, or while handling it. Only torch's CUDA allocator has a class
    for such errors. Its CPU allocator, the CUDA runtime and its libraries lead to a RuntimeError, which is recognised
    by its wording. A user's own errors may speak of memory too.
    """
    return any(map(_is_lack_of_memory, every_link(error)))


def _is_lack_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


class PeakMemory:
    """The peak memory since this object was made: the GPU's on CUDA, else the process's resident set.

    Only Linux can reset a process's peak; elsewhere the peak is since the process started, and on Windows 0.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        release_freed_memory(device)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):  # not Linux, or not allowed: the peak is not reset
                Path("/proc/self/clear_refs").write_text("5")

    def bytes(self) -> int:
        """Return the peak so far: on CUDA of the memory that tensors take."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return _process_peak_bytes()

    def reserved_bytes(self) -> int | None:
        """Return the peak so far of what torch holds on the GPU, free blocks included; None off CUDA."""
        return torch.cuda.max_memory_reserved(self._device) if self._device.type == "cuda" else None


def _process_peak_bytes() -> int:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    try:
        import resource
    except ImportError:
        return 0  # Windows: unknown
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
