import errno
import gc
import subprocess
import sys

import pytest
import torch

from harness.hardware.memory import PeakMemory, is_out_of_memory, keep_freed_memory, release_freed_memory
from tests.helpers import REPOSITORY

CPU = torch.device("cpu")

# The pages that each of 16 allocations of 64 MiB maps.
ALLOCATIONS = """
import resource
import sys

import torch

from harness.hardware.memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
for _ in range(16):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64 * 2**20 // 4)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_mapped(mode):
    """Return the fewest pages that one of the allocations maps in a new process.

    In this one, an earlier failed allocation may have moved the main thread to another arena of glibc.
    """
    command = [sys.executable, "-W", "ignore", "-c", ALLOCATIONS, mode]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return min(map(int, done.stdout.split()))


@pytest.mark.slow
def test_freed_memory_is_kept_for_the_next_step():
    if not keep_freed_memory():
        pytest.skip("not glibc")
    import resource

    whole = 64 * 2**20 // resource.getpagesize()
    kept, by_default = pages_mapped("kept"), pages_mapped("default")
    assert kept < whole / 10
    assert kept < by_default / 10


def test_other_c_libraries_are_left_unchanged(monkeypatch):
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert keep_freed_memory.__wrapped__() is False
    release_freed_memory(CPU)


def test_freed_memory_of_a_gpu_is_released_after_collecting_garbage(monkeypatch):
    calls = []
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collect"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append("empty_cache"))
    release_freed_memory(torch.device("cuda", 0))
    assert calls == ["collect", "empty_cache"]


# As torch 2.14 and its libraries word it.
OUT_OF_MEMORY = [
    "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.",
    "[enforce fail at alloc_cpu.cpp:116] data. DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.",
    "unable to mmap 4096 bytes from file </torch_1_2>: Cannot allocate memory (12)",
    "std::bad_alloc",
    "C10 Out of Memory. Trying to allocate 8 GB.",
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
    "CUDA driver error: out of memory",
    "CUDA ran out of memory outside PyTorch's allocator.",
    "HIP out of memory. Tried to allocate 2.00 GiB.",
    "XPU out of memory. Tried to allocate 2.00 GiB.",
    "MPS backend out of memory (MPS allocated: 7.64 GiB, max allowed: 8.13 GiB). Tried to allocate 3.92 GiB.",
    "Invalid buffer size: 22.35 GiB",
    "NCCL error in: ProcessGroupNCCL.cpp:3690, unhandled cuda error\nLast error:\nCuda failure 2 'out of memory'",
    "NCCL error: unhandled cuda error\nLast error:\nFailed to CUDA host alloc 6291456 bytes",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "OOM trying to allocate workspace for cublaslt",
    "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
    "cuFFT error: CUFFT_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "LoweringException: OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
]
OTHER_ERRORS = [
    "shapes do not match",
    "CUDA error: an illegal memory access was encountered",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED_SHARED_MEMORY_INSUFFICIENT",
    "my memory bank is out of memory cells: not enough memory for 9 classes",
    "out of resource: shared memory, Required: 262144, Hardware limit: 101376",
    "expected memory_format channels_last; allocation failed to be contiguous",
]


@pytest.mark.parametrize("message", OUT_OF_MEMORY)
def test_lack_of_memory_is_recognised_in_each_wording(message):
    assert is_out_of_memory(RuntimeError(message))


@pytest.mark.parametrize("message", OTHER_ERRORS)
def test_errors_that_only_mention_memory_are_others(message):
    assert not is_out_of_memory(RuntimeError(message))
    assert not is_out_of_memory(ValueError(OUT_OF_MEMORY[0]))


def test_lack_of_memory_is_recognised_by_class_and_number():
    for error in (MemoryError(), torch.OutOfMemoryError(), OSError(errno.ENOMEM, "fork")):
        assert is_out_of_memory(error)
    assert not is_out_of_memory(OSError(errno.ENOSPC, "disk"))


@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_errors_that_lack_of_memory_led_to_count(link):
    error = RuntimeError("CUDA error: operation failed due to a previous error during capture")
    setattr(error, link, torch.OutOfMemoryError("CUDA out of memory"))
    error.__suppress_context__ = True  # torch's compiler raises `from None`
    assert is_out_of_memory(error)
    assert is_out_of_memory(ExceptionGroup("several", [ValueError(), error]))


def test_a_cycle_of_errors_ends():
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__context__ = second, first
    assert not is_out_of_memory(first)
    second.__cause__ = MemoryError()
    assert is_out_of_memory(first)


def test_reserved_peak_of_a_gpu_is_beside_the_allocated_one(monkeypatch):
    for name, value in {"empty_cache": None, "reset_peak_memory_stats": None, "max_memory_allocated": 5,
                        "max_memory_reserved": 7}.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, lambda *_, value=value: value)
    memory = PeakMemory(torch.device("cuda", 0))
    assert (memory.bytes(), memory.reserved_bytes()) == (5, 7)
    assert PeakMemory(CPU).reserved_bytes() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset the peak")
def test_peak_memory_covers_the_time_since_it_was_made():
    memory = PeakMemory(CPU)
    before = memory.bytes()
    block = torch.ones(512 * 2**20, dtype=torch.uint8)
    assert memory.bytes() >= before + 256 * 2**20
    peak = memory.bytes()
    del block
    assert PeakMemory(CPU).bytes() <= peak - 256 * 2**20
