"""The checks of single steps, each seen to fail."""

import pytest
import torch

from harness.throughput.doctor.steps import (
    bf16_step_is_close_to_fp32,
    captured_equals_eager,
    fused_sgd_equals_plain,
    warm_up_leaves_no_trace,
)
from harness.training.trainers import fast
from harness.training.trainers.fast import FastTrainer
from tests.throughput.doctor.subjects import Replay, capture_by, tiny_subject


def test_a_warm_up_without_trace_passes(subject):
    assert warm_up_leaves_no_trace(subject).status == "passed"


def _train_once(self, images):
    self.network.train()
    self.step(*self._load(images, *(one[:8] for one in self._begin_epoch(images, 0))))


def _move(self, images):
    for parameter in self.network.parameters():
        parameter.data = parameter.data.clone()


@pytest.mark.parametrize(
    ("warm_up", "text"),
    [
        (_train_once, "weights, statistics or momentum changed"),
        (_move, "tensors moved in memory"),
        (lambda self, images: torch.rand(1), "random numbers were drawn"),
    ],
)
def test_a_warm_up_that_leaves_a_trace_fails(subject, monkeypatch, warm_up, text):
    monkeypatch.setattr(FastTrainer, "warm_up", warm_up)
    outcome = warm_up_leaves_no_trace(subject)
    assert (outcome.status, outcome.text) == ("failed", text)


def test_captured_steps_do_not_apply_to_a_cpu(subject):
    assert captured_equals_eager(subject, "fp32").status == "not_applicable"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_captured_steps_equal_to_eager_ones_pass(subject, monkeypatch, precision):
    capture_by(monkeypatch, Replay())
    assert captured_equals_eager(subject, precision).status == "passed"


def _other_labels(batch, labels):
    return batch, labels.roll(1)


class FirstRate(Replay):
    """A replay that ignores a learning rate set after the capture."""

    def run(self, step, state, batch, labels):
        (group,) = step.__self__.optimizer.param_groups
        group["lr"], kept = 0.001, group["lr"]
        step(batch, labels)
        group["lr"] = kept


@pytest.mark.parametrize("captured", [Replay(_other_labels), FirstRate()], ids=["labels", "learning-rate"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_captured_steps_that_compute_something_else_fail(subject, monkeypatch, precision, captured):
    right = type(subject).trainer

    def trainer(self, *, is_captured=True, **changes):
        made = right(self, is_captured=is_captured, **changes)
        if is_captured:
            made._captured, made.accelerations = captured, list
        return made

    monkeypatch.setattr(type(subject), "trainer", trainer)
    assert captured_equals_eager(subject, precision).status == "failed"


@pytest.mark.parametrize("model", ["resnet8", "resnet50"])
def test_a_bf16_step_close_to_fp32_passes(model):
    """Rounding turns the first gradient of an untrained ResNet-50, not that of a ResNet-8."""
    assert bf16_step_is_close_to_fp32(tiny_subject(model, size=64)).status == "passed"


@pytest.mark.parametrize(("model", "factor"), [("resnet8", 1.1), ("resnet50", 1.5)])
def test_a_bf16_step_of_a_wrong_size_fails(model, factor, monkeypatch):
    right = fast.functional.cross_entropy

    def wrong(logits, labels, **options):
        return right(logits, labels, **options) * (factor if logits.dtype == torch.bfloat16 else 1.0)

    monkeypatch.setattr(fast.functional, "cross_entropy", wrong)
    assert bf16_step_is_close_to_fp32(tiny_subject(model, size=64)).status == "failed"


def test_a_bf16_step_computed_in_fp32_fails(subject, monkeypatch):
    right = fast.autocast
    monkeypatch.setattr(fast, "autocast", lambda precision, device: right("fp32", device))
    outcome = bf16_step_is_close_to_fp32(subject)
    assert (outcome.status, outcome.text) == ("failed", "bf16 computed the bits of fp32")


def test_the_optimizer_equal_to_plain_sgd_passes(subject):
    assert fused_sgd_equals_plain(subject).status == "passed"


def test_an_optimizer_that_ignores_a_new_learning_rate_fails(subject, monkeypatch):
    monkeypatch.setattr(FastTrainer, "_set_learning_rate", lambda self, epoch: None)
    assert fused_sgd_equals_plain(subject).status == "failed"


def test_an_optimizer_without_nesterov_momentum_fails(subject, monkeypatch):
    right = FastTrainer.__init__

    def init(self, *arguments):
        right(self, *arguments)
        self.optimizer.param_groups[0]["nesterov"] = False

    monkeypatch.setattr(FastTrainer, "__init__", init)
    assert fused_sgd_equals_plain(subject).status == "failed"
