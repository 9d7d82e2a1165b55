"""The checks on fake CUDA, where tensors have no values: no devices mixed, what applies runs, waits are seen."""

from dataclasses import replace

import pytest

from harness.throughput.doctor.checks import choose_checks, run_checks
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.trainer import trial_of_case
from tests.helpers.fake_cuda import GPU, fake_cuda
from tests.throughput.doctor.subjects import tiny_subject

BLIND = {"augmentation", "bf16-step", "fused-sgd"}  # compare with values of the CPU, which blank ones are not


@pytest.fixture
def gpu_subject():
    subject = tiny_subject()
    subject = replace(subject, device=GPU, case=replace(subject.case, device_kind="cuda"))
    trial_of_case(subject.case, subject.spec)  # on the CPU, as before a training
    assert len(subject.images) > 0
    assert subject.dataset.fingerprint
    return subject


def run_on_fake_cuda(subject, names):
    """Return the outcomes by name; raise for a fault that the fake device found."""
    with fake_cuda():
        return {finding.name: finding.outcome for finding in run_checks(subject, choose_checks(names))}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
def test_checks_of_steps_apply_to_cuda_and_mix_no_devices(gpu_subject):
    found = run_on_fake_cuda(gpu_subject, "warm-up,captured-bf16,bf16-step,fused-sgd,streamed,memory-peak")
    assert {name: one.status for name, one in found.items() if name not in BLIND} == dict.fromkeys(
        ("warm-up", "captured-bf16", "streamed", "memory-peak"), "passed"
    )
    assert [name for name in BLIND & found.keys() if found[name].text.startswith("raised")] == []
    assert found["memory-peak"].figures["step_bytes"] > 0


def test_streamed_images_are_not_compared_with_themselves(gpu_subject, monkeypatch):
    monkeypatch.setattr(FastTrainer, "_fits", lambda self, images: False)
    outcome = run_on_fake_cuda(gpu_subject, "streamed")["streamed"]
    assert (outcome.status, outcome.text) == (
        "not_applicable", "images can only be streamed: too little of the GPU's memory is free",
    )  # fmt: skip


def test_waits_of_an_epochs_end_are_counted_and_none_of_a_step(gpu_subject):
    outcome = run_on_fake_cuda(gpu_subject, "waits")["waits"]
    assert outcome.status == "passed"
    assert outcome.figures["waits_per_step"] == outcome.figures["waits_per_chunk"] == 0
    assert outcome.figures["waits_per_epoch"] > 0


def test_a_step_that_reads_a_value_fails(gpu_subject, monkeypatch):
    right = FastTrainer.step

    def step(self, batch, labels):
        right(self, batch, labels)
        self._loss_sum.item()

    monkeypatch.setattr(FastTrainer, "step", step)
    outcome = run_on_fake_cuda(gpu_subject, "waits")["waits"]
    assert (outcome.status, outcome.figures["waits_per_step"]) == ("failed", 1)
