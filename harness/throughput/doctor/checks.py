"""The checks in their order, and running them one after the other."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.causes import cause_of
from harness.errors import InputError
from harness.hardware.memory import release_freed_memory
from harness.throughput.doctor.compilation import compiled_equals_eager
from harness.throughput.doctor.findings import Finding, Outcome
from harness.throughput.doctor.images import augmentation_equals_the_cpus, streamed_equals_resident
from harness.throughput.doctor.memory import memory_peaks_in_the_step, out_of_memory_is_a_result
from harness.throughput.doctor.precision import bf16_is_not_slower_if_chosen
from harness.throughput.doctor.processes import two_processes_equal_one
from harness.throughput.doctor.runs import resumed_equals_uninterrupted, same_case_twice
from harness.throughput.doctor.steps import (
    bf16_step_is_close_to_fp32,
    captured_equals_eager,
    fused_sgd_equals_plain,
    warm_up_leaves_no_trace,
)
from harness.throughput.doctor.subject import Subject
from harness.throughput.doctor.waits import steps_do_not_wait


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes:
        name: the name, as ``--checks`` takes it.
        run: function from the subject to the outcome; an exception is a failure.
        usual_seconds: the time on two CPU cores, from which the time left is estimated.
    """

    name: str
    run: Callable[[Subject], Outcome]
    usual_seconds: float


CHECKS = (
    Check("augmentation", augmentation_equals_the_cpus, 1),
    Check("warm-up", warm_up_leaves_no_trace, 0.5),
    Check("captured-fp32", functools.partial(captured_equals_eager, precision="fp32"), 0.5),
    Check("captured-bf16", functools.partial(captured_equals_eager, precision="bf16"), 0.5),
    Check("bf16-step", bf16_step_is_close_to_fp32, 0.5),
    Check("bf16-speed", bf16_is_not_slower_if_chosen, 3),
    Check("fused-sgd", fused_sgd_equals_plain, 0.5),
    Check("same-twice-fp32", functools.partial(same_case_twice, precision="fp32"), 2),
    Check("same-twice-bf16", functools.partial(same_case_twice, precision="bf16"), 2),
    Check("resumed", resumed_equals_uninterrupted, 5),
    Check("waits", steps_do_not_wait, 0.5),
    Check("memory-peak", memory_peaks_in_the_step, 0.5),
    Check("streamed", streamed_equals_resident, 0.5),
    Check("out-of-memory", out_of_memory_is_a_result, 12),
    Check("two-processes", two_processes_equal_one, 16),
    Check("compiled", compiled_equals_eager, 30),  # last: it takes longest, and changes what torch holds in memory
)


def choose_checks(names: str | None) -> Sequence[Check]:
    """Return the checks of a list of names, separated by commas; all for None.

    Raises:
        InputError: there is no check of a name.
    """
    if names is None:
        return CHECKS
    asked = [name.strip() for name in names.split(",")]
    known = [check.name for check in CHECKS]
    for name in asked:
        if name not in known:
            raise InputError(f"--checks {name!r}: give names of {', '.join(known)}, separated by commas")
    return [check for check in CHECKS if check.name in asked]


def run_checks(
    subject: Subject, checks: Sequence[Check], notify: Callable[[Check, float], None] = lambda *_: None
) -> Iterator[Finding]:
    """Run the checks and yield their findings; a check that raises has failed, and stops no other.

    Args:
        notify: called before each check with it and the estimated seconds until all are done.
    """
    spent = expected = 0.0
    for number, check in enumerate(checks):
        left = sum(one.usual_seconds for one in checks[number:])
        notify(check, left * (spent / expected if spent else 1.0))
        started = time.perf_counter()
        try:
            outcome = check.run(subject)
        except Exception as error:
            outcome = Outcome("failed", f"raised {cause_of(error)}")
        with contextlib.suppress(Exception):  # a CUDA error that stays makes the next checks fail too
            release_freed_memory(subject.device)  # after the error is gone, whose frames hold memory
        seconds = time.perf_counter() - started
        spent, expected = spent + seconds, expected + check.usual_seconds
        yield Finding(check.name, outcome, seconds)
