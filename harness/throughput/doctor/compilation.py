"""Check of compiled networks: equal to eager ones, captured if CUDA can, and how much faster they are."""

import time

from harness.hardware.device import resolve_precision, wait_for_device
from harness.hardware.stopwatch import Stopwatch
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.steps import TOLERANCES
from harness.throughput.doctor.subject import Subject, difference, state_of
from harness.throughput.doctor.timing import step_seconds
from harness.training.trainers.compilation import why_not_compilable
from harness.training.trainers.fast import FastTrainer


def compiled_equals_eager(subject: Subject) -> Outcome:
    """Compare an epoch of compiled steps with one of eager steps, and measure how much faster a compiled step is."""
    if (obstacle := why_not_compilable(subject.device)) is not None:
        return not_applicable(f"torch.compile does not work here: {obstacle}")
    precision = resolve_precision("auto", subject.device)
    compiled, eager = (subject.trainer(precision=precision, compiled=compiled) for compiled in (True, False))
    started = time.perf_counter()
    images = subject.warmed_up(compiled)
    wait_for_device(subject.device)
    seconds = time.perf_counter() - started
    expected = subject.trained(eager)
    compiled.train_epoch(images, 0, Stopwatch(subject.device))
    found = difference(state_of(compiled), expected)
    fast, slow = step_seconds(subject, [compiled, eager])
    text = f"relative difference {found:.1e}, {slow / fast:.2f} × as fast, compiled in {seconds:.0f} s"
    figures = {"difference": found, "gain": slow / fast, "compile_seconds": seconds}
    return passed_if(found <= TOLERANCES[precision], text, **figures)
