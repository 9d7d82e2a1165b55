import pytest
import torch

from harness.hardware.stopwatch import Stopwatch
from harness.training.trainers import make_trainer
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from harness.training.trainers.trainer import empty_network, epoch_generator, initial_network, make_optimizer
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case

each_pipeline = pytest.mark.parametrize("pipeline", ["fast", "reference"])


@pytest.mark.parametrize(("pipeline", "expected"), [("fast", FastTrainer), ("reference", ReferenceTrainer)])
def test_the_case_decides_the_trainers_pipeline(pipeline, expected, tiny_dataset):
    assert type(make_trainer(make_case(tiny_dataset, pipeline=pipeline), TINY_SPEC, CPU)) is expected


def test_seed_and_epoch_alone_decide_an_epochs_order():
    def order(seed, epoch):
        return torch.randperm(50, generator=epoch_generator(seed, epoch)).tolist()

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


@each_pipeline
def test_training_after_restoring_is_bit_identical(pipeline, tiny_dataset):
    case = make_case(tiny_dataset, pipeline=pipeline)
    whole, resumed = (make_trainer(case, TINY_SPEC, CPU) for _ in range(2))
    whole.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    resumed.restore(whole.weights(), {name: value.clone() for name, value in whole.momentum().items()})
    for trainer in (whole, resumed):
        trainer.train_epoch(tiny_dataset.train, 1, Stopwatch(CPU))
    expected = whole.weights()
    assert expected.keys() == resumed.weights().keys()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.weights().items())


@each_pipeline
def test_weights_are_copies_that_can_be_put_back(pipeline, tiny_dataset):
    trainer = make_trainer(make_case(tiny_dataset, pipeline=pipeline), TINY_SPEC, CPU)
    before, evaluated = trainer.weights(), trainer.evaluate(tiny_dataset.test)
    trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    assert not torch.equal(before["fc.weight"], trainer.weights()["fc.weight"])
    trainer.replace_weights(before)
    assert all(torch.equal(value, before[name]) for name, value in trainer.weights().items())
    assert trainer.evaluate(tiny_dataset.test).loss == evaluated.loss


def test_parameters_without_momentum_are_left_out(tiny_dataset):
    trainer = ReferenceTrainer(make_case(tiny_dataset, pipeline="reference"), TINY_SPEC, CPU)
    assert trainer.momentum() == {}
    trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    assert trainer.momentum().keys() == dict(trainer.network.named_parameters()).keys()


def test_the_empty_network_has_the_shapes_of_the_initial_one(tiny_dataset):
    case = make_case(tiny_dataset)
    empty, initial = empty_network(case, TINY_SPEC), initial_network(case, TINY_SPEC)
    assert all(value.is_meta for value in empty.state_dict().values())
    shapes = {name: value.shape for name, value in initial.state_dict().items()}
    assert {name: value.shape for name, value in empty.state_dict().items()} == shapes


def test_the_optimizer_has_the_recipes_settings(tiny_dataset):
    network = initial_network(make_case(tiny_dataset), TINY_SPEC)
    (group,) = make_optimizer(network, TINY_RECIPE).param_groups
    assert (group["lr"], group["momentum"]) == (TINY_RECIPE.learning_rate, TINY_RECIPE.momentum)
    assert (group["weight_decay"], group["nesterov"]) == (TINY_RECIPE.weight_decay, TINY_RECIPE.nesterov)
    assert len(group["params"]) == len(list(network.parameters()))
    assert make_optimizer(network, TINY_RECIPE, learning_rate=0.5).param_groups[0]["lr"] == 0.5
