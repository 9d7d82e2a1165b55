"""The check of who waits for the GPU: a host that waits between steps leaves it idle."""

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from harness.hardware.stopwatch import Stopwatch
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.subject import Subject

_Value = TypeVar("_Value")
_MOST_PLACES = 3  # named for each part


def steps_do_not_wait(subject: Subject) -> Outcome:
    """Count by place how often a step, a chunk's loading, an evaluation and an epoch make the host wait."""
    if not subject.is_cuda:
        return not_applicable(f"a host waits for CUDA only, not for {subject.device.type}")
    trainer = subject.trainer()
    images = subject.warmed_up(trainer)
    trainer.train_epoch(images, 0, Stopwatch(subject.device))  # libraries may wait when they set themselves up
    order, parameters = trainer._begin_epoch(images, 1)
    batch = subject.batch()
    trainer.network.train()
    counts = {
        "step": _count(lambda: trainer.step(*batch)),
        "chunk": _count(lambda: trainer._load(images, order, parameters)),
        "evaluation": _count(lambda: trainer.evaluate(images)),
        "epoch": _count(lambda: trainer.train_epoch(images, 1, Stopwatch(subject.device))),
    }
    text = "; ".join(f"{part} {_places(found)}" for part, found in counts.items())
    figures = {f"waits_per_{part}": float(found.total()) for part, found in counts.items()}
    return passed_if(not counts["step"], text, **figures)


def _count(work: Callable[[], object]) -> Counter[str]:
    """Run the work; return how often it waited for the device, by file and line."""
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode(mode)
    waited = [one for one in caught if "synchroniz" in str(one.message)]
    return Counter(f"{Path(one.filename).name}:{one.lineno}" for one in waited)


def _places(found: Counter[str]) -> str:
    named = ", ".join(f"{place} {times}" for place, times in found.most_common(_MOST_PLACES))
    return f"{found.total()}{f' ({named})' if named else ''}"
