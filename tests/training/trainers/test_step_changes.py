import math

import pytest
import torch

from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.step_changes import Difference, changes_of_step, difference, preserved
from harness.training.trainers.verification import TOLERANCES
from tests.helpers.tiny import CPU, TINY_SPEC, first_batch, make_case, make_dataset
from tests.helpers.training import compare_steps


def test_tensors_are_restored_in_place():
    weight, count = torch.ones(3, requires_grad=True), torch.tensor(7)
    address = weight.data_ptr()
    with preserved([weight, count]):
        weight.data.zero_()
        count.add_(1)
    assert weight.tolist() == [1, 1, 1]
    assert count.item() == 7
    assert weight.data_ptr() == address


def test_tensors_are_restored_after_an_error():
    weight = torch.ones(3)
    with pytest.raises(ValueError, match="inside"), preserved(iter([weight])):
        weight.zero_()
        raise ValueError("inside")
    assert weight.tolist() == [1, 1, 1]


def test_a_step_is_compared_with_another_trainers(tiny_dataset):
    def trainer(**changes):
        return FastTrainer(make_case(tiny_dataset, **changes), TINY_SPEC, CPU)

    batch = first_batch(tiny_dataset)
    assert compare_steps(trainer(), trainer(), *batch) == Difference(0.0, pytest.approx(0.0, abs=1e-12))
    rounded = compare_steps(trainer(precision="bf16"), trainer(), *batch)
    assert rounded.is_within(TOLERANCES["bf16"])
    assert not rounded.is_within(TOLERANCES["fp32"])
    assert not compare_steps(trainer(seed=1), trainer(), *batch).is_within(TOLERANCES["bf16"])


def test_the_changes_of_a_step_hold_for_any_state(tiny_dataset):
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    batch = first_batch(tiny_dataset)
    before = changes_of_step(trainer, *batch)
    for values in trainer.momentum().values():
        values.fill_(100.0)
    trainer.optimizer.param_groups[0]["lr"] = 1e-9
    trainer._loss_sum.fill_(7.0)
    assert difference(before, changes_of_step(trainer, *batch)).is_within(Difference(1e-6, 1e-6))
    assert trainer.optimizer.param_groups[0]["lr"] == 1e-9
    assert all(bool((values == 100).all()) for values in trainer.momentum().values())


def test_a_batchnorm_whose_statistics_do_not_move_is_a_difference():
    dataset = make_dataset()
    moving, still = (FastTrainer(make_case(dataset), TINY_SPEC, CPU) for _ in range(2))
    for module in still.network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.0
    assert compare_steps(still, moving, *first_batch(dataset)).size == math.inf
