"""The check of compiled networks: equal to eager ones, and how much faster."""

import time
from collections.abc import Sequence
from dataclasses import replace

from harness.hardware.device import Precision, resolve_precision, wait_for_device
from harness.hardware.stopwatch import Stopwatch
from harness.text import listed
from harness.throughput.doctor.findings import DEFAULT_SUBJECT, Outcome, not_applicable, passed_if
from harness.throughput.doctor.steps import TOLERANCES
from harness.throughput.doctor.subject import Subject
from harness.throughput.doctor.timing import step_seconds
from harness.throughput.repetition import metered
from harness.training.compile_gain import forget_gain, remember_gain
from harness.training.trainers.compilation import why_not_compilable


def compiled_equals_eager(subject: Subject) -> Outcome:
    """Compare an epoch of compiled steps with one of eager steps; store the default subject's gain."""
    if (obstacle := why_not_compilable(subject.device)) is not None:
        return not_applicable(f"torch.compile does not work here: {obstacle}")
    precision = resolve_precision("auto", subject.device)
    if (subject.case.dataset, subject.case.model) != DEFAULT_SUBJECT:
        outcome, _ = _compare(subject, precision)
        return replace(outcome, text=f"{outcome.text} (not remembered: only the default model's decides)")
    try:
        outcome, causes = _compare(subject, precision)
    except Exception:
        forget_gain(subject.device, precision)
        raise
    if outcome.status == "failed":
        forget_gain(subject.device, precision)
    elif causes:
        return replace(outcome, text=f"{outcome.text} (not remembered: disturbed by {listed(causes)})")
    else:
        remember_gain(subject.device, precision, outcome.figures["gain"])
    return outcome


def _compare(subject: Subject, precision: Precision) -> tuple[Outcome, Sequence[str]]:
    """Return the outcome, and what disturbed the measurement of the gain."""
    compiled, eager = (subject.trainer(precision=precision, compiled=compiled) for compiled in (True, False))
    started = time.perf_counter()
    images = subject.warmed_up(compiled)
    wait_for_device(subject.device)
    seconds = time.perf_counter() - started
    expected = subject.trained(eager)
    compiled.train_epoch(images, 0, Stopwatch(subject.device))
    found = subject.difference(compiled.weights(), expected)
    (fast, slow), disturbance = metered(subject.device, lambda: step_seconds(subject, [compiled, eager]))
    gain = slow / fast
    text = f"relative difference {found:.1e}, {gain:.2f} × as fast, compiled in {seconds:.0f} s"
    figures = {"difference": found, "gain": gain, "compile_seconds": seconds}
    return passed_if(found <= TOLERANCES[precision], text, **figures), disturbance.causes
