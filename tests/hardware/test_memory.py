import sys

import pytest
import torch

from harness.hardware.memory import PeakMemory, keep_freed_memory

CPU = torch.device("cpu")


def test_freed_memory_is_kept_for_the_next_step():
    if not keep_freed_memory():
        pytest.skip("not glibc")
    import resource

    def pages_mapped():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(64 * 2**20 // 4)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    whole = 64 * 2**20 // resource.getpagesize()
    assert min(pages_mapped() for _ in range(8)) < whole / 10  # by default each maps the whole


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert keep_freed_memory.__wrapped__() is False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can set the mark back")
def test_peak_memory_is_of_the_time_since_it_was_made():
    memory = PeakMemory(CPU)
    before = memory.bytes()
    block = torch.ones(512 * 2**20, dtype=torch.uint8)
    assert memory.bytes() >= before + 256 * 2**20
    peak = memory.bytes()
    del block
    assert PeakMemory(CPU).bytes() <= peak - 256 * 2**20
