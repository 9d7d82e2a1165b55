"""Memory: kept between steps, given back between cases, its peak measured, its lack recognised."""

import contextlib
import ctypes
import functools
import gc
import platform
import sys
from pathlib import Path

import torch

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # glibc's malloc.h


@functools.cache
def keep_freed_memory() -> bool:
    """Have this process keep the memory that it frees, for the next step; whether that could be done.

    Every training step frees what the next one asks for again. By default glibc gives large blocks back to the system,
    which clears and maps every page anew for the next: where mapping is slow, as on some virtual machines, that was a
    quarter of a step. Other C libraries are left as they are.
    """
    if not _has_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


def release_freed_memory(device: torch.device) -> None:
    """Give back to the system what is free: what a case needs at most is not to include what an earlier one needed."""
    if device.type == "cuda":
        gc.collect()  # captured graphs above all
        torch.cuda.empty_cache()
    elif _has_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def _has_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error is lack of memory; torch's CPU allocator says so in a RuntimeError's words only."""
    words = ("can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(word in str(error) for word in words)


class PeakMemory:
    """The most memory in use since it was made: the GPU's on CUDA, else the process's resident set.

    Linux can set the process's mark back; elsewhere it is the most since the process began, on Windows 0.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        release_freed_memory(device)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):  # not Linux, or not allowed: the mark stays where it is
                Path("/proc/self/clear_refs").write_text("5")

    def bytes(self) -> int:
        """The peak so far."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
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
