"""The checks of memory, each seen to fail."""

import contextlib
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from harness.throughput.doctor import memory
from harness.throughput.doctor.memory import (
    judge,
    memory_peaks_in_the_step,
    out_of_memory_is_a_result,
    outcomes_at_limits,
)
from harness.throughput.doctor.subject import make_subject
from harness.training.trainers.fast import FastTrainer
from tests.helpers.tiny import CPU
from tests.throughput.doctor.subjects import pass_for_cuda

MIB = 2**20


def test_memory_that_peaks_in_the_step_passes(subject):
    outcome = memory_peaks_in_the_step(subject)
    assert outcome.status == "passed"
    assert {"step_bytes", "augmentation_bytes", "evaluation_bytes"} == set(outcome.figures)


@pytest.mark.parametrize("method", ["_load", "evaluate"])
def test_memory_that_peaks_beside_the_step_fails(subject, monkeypatch, method):
    """The peak is read from a stand-in: a process keeps what other tests have freed."""
    held = [100 * MIB]

    class Peak:
        def __init__(self, device):
            held[0] = 100 * MIB

        def bytes(self):
            return held[0]

        def reserved_bytes(self):
            return None

    right = getattr(FastTrainer, method)

    def greedy(self, *arguments, **options):
        held[0] = 700 * MIB
        return right(self, *arguments, **options)

    monkeypatch.setattr(memory, "PeakMemory", Peak)
    monkeypatch.setattr(FastTrainer, method, greedy)
    assert memory_peaks_in_the_step(subject).status == "failed"


def _failing_with(error):
    @contextlib.contextmanager
    def limit(subject, mib):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FastTrainer, "step", lambda *arguments: (_ for _ in ()).throw(error))
            yield

    return limit


def test_a_case_without_memory_that_ends_so_passes(subject):
    outcomes = outcomes_at_limits(subject, [64], _failing_with(torch.OutOfMemoryError("CUDA out of memory")))
    assert outcomes == [("64 MiB", "out_of_memory"), ("next case", "complete")]
    assert judge(outcomes).status == "passed"


def test_lack_of_memory_that_is_not_recognised_fails(subject):
    outcomes = outcomes_at_limits(subject, [64], _failing_with(RuntimeError("no room")))
    outcome = judge(outcomes)
    assert outcome.status == "failed"
    assert "64 MiB raised RuntimeError: no room" in outcome.text


def test_a_next_case_that_fails_too_fails(subject):
    @contextlib.contextmanager
    def breaking(subject, mib):
        monkeypatch.setattr(FastTrainer, "step", lambda *arguments: (_ for _ in ()).throw(MemoryError("no room")))
        yield

    with pytest.MonkeyPatch.context() as monkeypatch:
        outcome = judge(outcomes_at_limits(subject, [64], breaking))
    assert (outcome.status, outcome.text) == ("failed", "64 MiB out of memory, next case out of memory")


def test_limits_that_no_case_reaches_fail(subject):
    outcome = judge(outcomes_at_limits(subject, [64], lambda subject, mib: contextlib.nullcontext()))
    assert (outcome.status, outcome.text) == ("failed", "64 MiB complete, next case complete")


def test_a_gpus_memory_is_limited_to_shares_of_the_cases_peak(subject, monkeypatch):
    fractions = [1.0]
    total, peak = 1000 * MIB, 100 * MIB
    pass_for_cuda(monkeypatch)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=total))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, device: fractions.append(share))
    monkeypatch.setattr(memory, "_train", lambda *_, **__: peak if fractions[-1] * total >= peak else "out_of_memory")
    outcome = out_of_memory_is_a_result(subject)
    assert outcome.status == "passed"
    assert outcome.text.startswith("25 MiB out of memory, 50 MiB out of memory")
    assert outcome.text.endswith("150 MiB complete, next case complete")
    assert fractions[1::2] == [0.025, 0.05, 0.075, 0.09, 0.15]
    assert set(fractions[::2]) == {1.0}


def test_a_case_that_fails_without_a_limit_fails(subject, monkeypatch):
    pass_for_cuda(monkeypatch)
    monkeypatch.setattr(memory, "_train", lambda *_, **__: "diverged")
    outcome = out_of_memory_is_a_result(subject)
    assert (outcome.status, outcome.text) == ("failed", "without a limit: diverged")


@pytest.mark.release  # a lack of memory is caused in tests/faults/test_failures.py too
def test_a_cpu_is_checked_in_processes_with_a_limited_address_space():
    outcome = out_of_memory_is_a_result(make_subject(CPU, "cifar10", "resnet20"))
    assert outcome.status == "passed", outcome.text
    assert outcome.text.startswith("64 MiB out of memory, next case complete, 192 MiB ")


_MANY_THREADS = """
import torch
from harness.throughput.doctor.memory import address_space_limit
torch.set_num_threads(16)
with address_space_limit(None, 64):
    torch.ones(2**20).sum()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit the address space")
@pytest.mark.slow
def test_a_limited_process_does_not_end_for_want_of_threads():
    subprocess.run([sys.executable, "-c", _MANY_THREADS], check=True, timeout=120)
