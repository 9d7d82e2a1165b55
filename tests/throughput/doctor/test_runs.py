"""The checks of whole runs, each seen to fail."""

import itertools

import pytest
import torch

from harness.throughput.doctor.runs import resumed_equals_uninterrupted, same_case_twice
from harness.throughput.doctor.steps import TOLERANCES
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.trainer import Trainer


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_case_twice_passes(subject, precision):
    outcome = same_case_twice(subject, precision)
    assert (outcome.status, outcome.text) == ("passed", "the same bits")


def test_a_case_that_differs_in_its_last_bit_fails_on_a_cpu(subject, monkeypatch):
    right, runs = FastTrainer.train_epoch, itertools.count()

    def train_epoch(self, *arguments):
        with torch.no_grad():
            self.network.fc.weight.mul_(1 + 2e-7 * (next(runs) % 2))
        return right(self, *arguments)

    monkeypatch.setattr(FastTrainer, "train_epoch", train_epoch)
    outcome = same_case_twice(subject, "fp32")
    assert outcome.status == "failed"
    assert 0 < outcome.figures["difference"] < TOLERANCES["fp32"]  # within it another device passes


def test_a_resumed_case_passes(subject):
    assert resumed_equals_uninterrupted(subject).status == "passed"


def test_a_resume_without_momentum_fails(subject, monkeypatch):
    right = Trainer.restore
    monkeypatch.setattr(FastTrainer, "restore", lambda self, network, momentum: right(self, network, {}))
    outcome = resumed_equals_uninterrupted(subject)
    assert outcome.status == "failed"
    assert outcome.figures["difference"] > TOLERANCES["fp32"]  # seen on a GPU too


def test_a_training_that_does_not_complete_raises_its_cause(subject, monkeypatch):
    right = FastTrainer.train_epoch
    monkeypatch.setattr(FastTrainer, "train_epoch", lambda *arguments: (float("nan"), right(*arguments)[1]))
    with pytest.raises(RuntimeError, match="ended as diverged"):
        resumed_equals_uninterrupted(subject)
