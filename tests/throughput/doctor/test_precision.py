"""The check of bf16's speed, seen to fail."""

import pytest

from harness.throughput.doctor import precision
from harness.throughput.doctor.precision import bf16_is_not_slower_if_chosen


@pytest.mark.parametrize(
    ("bf16_seconds", "chosen", "status"),
    [(1.0, "bf16", "passed"), (3.0, "bf16", "failed"), (3.0, "fp32", "passed")],
)
def test_bf16_that_is_chosen_must_not_be_slower(subject, monkeypatch, bf16_seconds, chosen, status):
    monkeypatch.setattr(precision, "step_seconds", lambda subject, trainers: [bf16_seconds, 1.5])
    monkeypatch.setattr(precision, "resolve_precision", lambda name, device: chosen)
    outcome = bf16_is_not_slower_if_chosen(subject)
    assert (outcome.status, outcome.figures["gain"]) == (status, 1.5 / bf16_seconds)


def test_steps_of_both_precisions_are_timed(subject):
    assert "as fast as fp32" in bf16_is_not_slower_if_chosen(subject).text
