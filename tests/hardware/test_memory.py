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


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 EiB"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory"), True),
        (RuntimeError("shapes do not match"), False),
    ],
)
def test_lack_of_memory_is_distinguished_from_other_errors(error, expected):
    assert is_out_of_memory(error) is expected


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
