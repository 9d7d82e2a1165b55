"""The check of bf16's speed, seen to fail."""

import pytest

from harness.throughput.doctor import precision
from harness.throughput.doctor.precision import bf16_is_not_slower_if_chosen
from tests.helpers.disturbances import busy, use_meter


@pytest.mark.parametrize(
    ("bf16_seconds", "chosen", "status"),
    [(1.0, "bf16", "passed"), (3.0, "bf16", "failed"), (3.0, "fp32", "passed")],
)
def test_bf16_that_is_chosen_must_not_be_slower(subject, monkeypatch, bf16_seconds, chosen, status):
    monkeypatch.setattr(precision, "step_seconds", lambda subject, trainers: [bf16_seconds, 1.5])
    monkeypatch.setattr(precision, "resolve_precision", lambda name, device: chosen)
    outcome = bf16_is_not_slower_if_chosen(subject)
    assert (outcome.status, outcome.figures["gain"]) == (status, 1.5 / bf16_seconds)


def test_bf16_that_was_slow_while_disturbed_is_not_judged(subject, monkeypatch):
    monkeypatch.setattr(precision, "step_seconds", lambda subject, trainers: [3.0, 1.5])
    monkeypatch.setattr(precision, "resolve_precision", lambda name, device: "bf16")
    use_meter(monkeypatch, busy())
    outcome = bf16_is_not_slower_if_chosen(subject)
    assert (outcome.status, outcome.text.partition("; not judged: ")[2]) == (
        "not_applicable", "disturbed by other processes used 1.0 cores",
    )  # fmt: skip


def test_steps_of_both_precisions_are_timed(subject):
    assert "as fast as fp32" in bf16_is_not_slower_if_chosen(subject).text
