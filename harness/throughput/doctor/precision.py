"""The precision that ``--precision auto`` takes, checked: it must not be the slower one."""

from harness.hardware.device import resolve_precision
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.subject import Subject
from harness.throughput.doctor.timing import step_seconds

_LEAST_GAIN = 0.9  # below it bf16 is slower by more than timings vary


def bf16_is_not_slower_if_chosen(subject: Subject) -> Outcome:
    """Measure the speed of a bf16 step over that of an fp32 step."""
    if subject.device.type == "mps":
        return not_applicable("bf16 is never chosen on MPS")
    trainers = [subject.trainer(precision=precision) for precision in ("bf16", "fp32")]
    for trainer in trainers:
        subject.warmed_up(trainer)
    bf16, fp32 = step_seconds(subject, trainers)
    chosen, gain = resolve_precision("auto", subject.device), fp32 / bf16
    text = f"bf16 {gain:.2f} × as fast as fp32; --precision auto takes {chosen}"
    figures = {"gain": gain, "bf16_step_seconds": bf16, "fp32_step_seconds": fp32}
    return passed_if(chosen != "bf16" or gain >= _LEAST_GAIN, text, **figures)
