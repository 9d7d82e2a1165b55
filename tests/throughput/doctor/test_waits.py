"""The check of who waits for the GPU, seen to fail."""

import warnings

import torch

from harness.throughput.doctor.waits import steps_do_not_wait
from harness.training.trainers.fast import FastTrainer
from tests.throughput.doctor.subjects import pass_for_cuda


def _wait_in(monkeypatch, method):
    right = getattr(FastTrainer, method)

    def waiting(self, *arguments):
        if torch.cuda.get_sync_debug_mode():
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
        return right(self, *arguments)

    monkeypatch.setattr(FastTrainer, method, waiting)


def test_waits_do_not_apply_to_a_cpu(subject):
    assert steps_do_not_wait(subject).status == "not_applicable"


def test_waits_outside_a_step_are_counted_by_place(subject, monkeypatch):
    pass_for_cuda(monkeypatch)
    _wait_in(monkeypatch, "_load")
    outcome = steps_do_not_wait(subject)
    assert outcome.status == "passed"
    assert outcome.text.startswith("step 0; chunk 1 (test_waits.py:")
    assert outcome.figures["waits_per_epoch"] >= 1


def test_a_step_that_waits_fails(subject, monkeypatch):
    pass_for_cuda(monkeypatch)
    _wait_in(monkeypatch, "_compute")
    outcome = steps_do_not_wait(subject)
    assert (outcome.status, outcome.figures["waits_per_step"]) == ("failed", 1)
