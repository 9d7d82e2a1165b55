"""The precision that ``--precision auto`` takes, checked: it must not be the slower one."""

from harness.hardware.device import resolve_precision
from harness.text import listed
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.subject import Subject
from harness.throughput.doctor.timing import step_seconds
from harness.throughput.repetition import metered

_LEAST_GAIN = 0.9  # below it bf16 is slower by more than timings vary


def bf16_is_not_slower_if_chosen(subject: Subject) -> Outcome:
    """Measure the speed of a bf16 step over that of an fp32 step; if disturbed, it does not fail."""
    if subject.device.type == "mps":
        return not_applicable("bf16 is never chosen on MPS")
    trainers = [subject.trainer(precision=precision) for precision in ("bf16", "fp32")]
    for trainer in trainers:
        subject.warmed_up(trainer)
    (bf16, fp32), disturbance = metered(subject.device, lambda: step_seconds(subject, trainers))
    chosen, gain = resolve_precision("auto", subject.device), fp32 / bf16
    text = f"bf16 {gain:.2f} × as fast as fp32; --precision auto takes {chosen}"
    figures = {"gain": gain, "bf16_step_seconds": bf16, "fp32_step_seconds": fp32}
    is_right = chosen != "bf16" or gain >= _LEAST_GAIN
    if not is_right and disturbance.is_disturbed:
        return not_applicable(f"{text}; not judged: disturbed by {listed(disturbance.causes)}")
    return passed_if(is_right, text, **figures)
