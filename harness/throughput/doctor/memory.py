"""Checks of memory: where it peaks, and a case that has too little of it."""

import contextlib
import functools
import itertools
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from harness.data.images import random_images
from harness.hardware.device import wait_for_device
from harness.hardware.memory import PeakMemory, release_freed_memory
from harness.models.foreign import raised
from harness.results.folder import ResultsFolder
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.subject import Subject
from harness.training.train import train
from harness.training.trainers.fast import chunk_size

_MIB = 2**20
_NEXT = "next case"
# Chunks of images are augmented beside the step; a study's memory figure must be the network's.
_MOST_BESIDE_STEP_BYTES = 512 * _MIB
_SHARES_OF_PEAK = (0.25, 0.5, 0.75, 0.9, 1.5)  # before the first step, in the warm-up, in or after the capture, none

Limit = Callable[[Subject, int], contextlib.AbstractContextManager[None]]


def memory_peaks_in_the_step(subject: Subject) -> Outcome:
    """Measure the peak memory of a step, of augmenting a chunk and of an evaluation."""
    trainer, device = subject.trainer(), subject.device
    count = min(chunk_size(subject.recipe, subject.spec.channels, device), subject.spec.train_images)
    images = trainer.place(random_images(subject.spec, subject.recipe, count))
    batch = subject.batch()

    def step() -> None:
        subject.warmed_up(trainer)
        trainer.step(*batch)

    peaks = {
        "step": _peak(subject, step),
        "augmentation": _peak(subject, lambda: trainer._load(images, *trainer._begin_epoch(images, 0))),
        "evaluation": _peak(subject, lambda: trainer.evaluate(images, with_logits=True)),
    }
    text = ", ".join(f"{part} {_in_mib(*found)}" for part, found in peaks.items())
    figures = {f"{part}_bytes": float(allocated) for part, (allocated, _) in peaks.items()}
    figures |= {f"{part}_reserved_bytes": float(reserved) for part, (_, reserved) in peaks.items() if reserved}
    most = peaks["step"][0] + _MOST_BESIDE_STEP_BYTES
    return passed_if(max(allocated for allocated, _ in peaks.values()) <= most, text, **figures)


def out_of_memory_is_a_result(subject: Subject) -> Outcome:
    """Train the case with too little memory: that must be its result, and the next must complete."""
    if subject.is_cuda:
        peak = _train(subject, seed=0)
        if not isinstance(peak, int):
            return passed_if(False, f"without a limit: {peak}")
        limits = [max(1, round(share * peak / _MIB)) for share in _SHARES_OF_PEAK]
        return judge(outcomes_at_limits(subject, limits, cuda_limit))
    if sys.platform != "linux":
        return not_applicable(f"no limit of memory can be set on {sys.platform}")
    spawn = multiprocessing.get_context("spawn")  # this process's memory cannot be limited for a while only
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, max_tasks_per_child=1) as processes:
        limit = functools.partial(outcomes_at_limits, subject, limit=address_space_limit)
        return judge(list(itertools.chain(*processes.map(limit, ([mib] for mib in subject.limits_mib)))))


def outcomes_at_limits(subject: Subject, limits_mib: Sequence[int], limit: Limit) -> list[tuple[str, str]]:
    """Return the outcome of the case at each limit, by its name, and of the next case without one."""
    outcomes = []
    for number, mib in enumerate(limits_mib, 1):
        with limit(subject, mib):
            outcome = _train(subject, seed=number)
        release_freed_memory(subject.device)
        outcomes.append((f"{mib} MiB", outcome if isinstance(outcome, str) else "complete"))
    outcome = _train(subject, seed=0)
    return [*outcomes, (_NEXT, outcome if isinstance(outcome, str) else "complete")]


def judge(outcomes: Sequence[tuple[str, str]]) -> Outcome:
    """Return the check's outcome: some case lacked memory, none failed, the next ones completed."""
    found = [outcome for _, outcome in outcomes]
    after = [outcome for name, outcome in outcomes if name == _NEXT]
    is_right = "out_of_memory" in found and {*found} <= {"out_of_memory", "complete"} and {*after} == {"complete"}
    return passed_if(is_right, ", ".join(f"{name} {outcome.replace('_', ' ')}" for name, outcome in outcomes))


@contextlib.contextmanager
def cuda_limit(subject: Subject, mib: int) -> Iterator[None]:
    """Limit the GPU memory of this process to so much beyond what it holds."""
    total = torch.cuda.get_device_properties(subject.device).total_memory
    release_freed_memory(subject.device)
    fraction = (torch.cuda.memory_reserved(subject.device) + mib * _MIB) / total
    torch.cuda.set_per_process_memory_fraction(min(1.0, fraction), subject.device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, subject.device)


@contextlib.contextmanager
def address_space_limit(subject: Subject, mib: int) -> Iterator[None]:
    """Limit this process's address space to so much beyond what it has; compute in one thread."""
    import resource

    # Threads reserve some 10 MiB each when they start, and OpenMP ends a process in which it cannot start one.
    torch.set_num_threads(1)
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + mib * _MIB, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _train(subject: Subject, seed: int) -> str | int:
    """Train the case; return its peak memory if it completes, else its status or its error."""
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        try:
            result = train(subject.case_with(seed=seed), subject.dataset, ResultsFolder(folder), subject.device)
        except Exception as error:
            return f"raised {raised(error, 60)}"
    return (result.peak_memory_bytes or 0) if result.status == "complete" else result.status


def _peak(subject: Subject, work: Callable[[], object]) -> tuple[int, int]:
    """Run the work; return the peak of allocated memory and, on CUDA, of reserved memory."""
    memory = PeakMemory(subject.device)
    work()
    wait_for_device(subject.device)
    return memory.bytes(), memory.reserved_bytes() or 0


def _in_mib(allocated: int, reserved: int) -> str:
    return f"{allocated / _MIB:.0f} MiB{f' ({reserved / _MIB:.0f} reserved)' if reserved else ''}"
