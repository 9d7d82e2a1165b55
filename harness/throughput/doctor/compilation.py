"""The check of compiled networks: equal to eager ones, and how much faster."""

import time

from harness.hardware.device import resolve_precision, wait_for_device
from harness.hardware.stopwatch import Stopwatch
from harness.text import listed
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.steps import TOLERANCES
from harness.throughput.doctor.subject import Subject
from harness.throughput.doctor.timing import step_seconds
from harness.throughput.repetition import metered
from harness.training.compile_gain import remember_gain
from harness.training.trainers.compilation import why_not_compilable


def compiled_equals_eager(subject: Subject) -> Outcome:
    """Compare an epoch of compiled steps with one of eager steps; measure and store the gain."""
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
    found = subject.difference(compiled.weights(), expected)
    (fast, slow), disturbance = metered(subject.device, lambda: step_seconds(subject, [compiled, eager]))
    is_right, gain = found <= TOLERANCES[precision], slow / fast
    note = f" (not remembered: disturbed by {listed(disturbance.causes)})" if disturbance.is_disturbed else ""
    if is_right and not note:
        remember_gain(subject.device, gain)
    text = f"relative difference {found:.1e}, {gain:.2f} × as fast, compiled in {seconds:.0f} s{note}"
    return passed_if(is_right, text, difference=found, gain=gain, compile_seconds=seconds)
