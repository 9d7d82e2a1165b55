"""Dropout and stochastic depth: what a network draws comes from the seed and the epoch alone."""

import functools
from dataclasses import replace

import pytest
import torch

from harness.hardware.stopwatch import Stopwatch
from harness.models.random_state import host_state
from harness.results.folder import ResultsFolder
from harness.training.train import train
from harness.training.trainers import make_trainer
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.trainer import epoch_generator, network_seed
from tests.helpers.networks import Drawing, HostDrawing, own_case
from tests.helpers.tiny import CPU, TINY_SPEC
from tests.helpers.training import interrupt, outcome, train_recorded

pipelines = pytest.mark.parametrize("pipeline", ["fast", "reference"])


@pytest.mark.parametrize(("build", "pipeline"), [(Drawing, "fast"), (HostDrawing, "fast"), (HostDrawing, "reference")])
def test_a_drawing_network_resumes_bit_identically(build, pipeline, tiny_dataset, results, undisturbed):
    case = own_case(tiny_dataset, build, pipeline=pipeline)
    interrupt(case, tiny_dataset, results, 3)
    torch.rand(1)  # a session that draws in between
    train(case, tiny_dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_the_sessions_random_states_decide_nothing_and_are_kept(tiny_dataset, tmp_path):
    case, outcomes = own_case(tiny_dataset, HostDrawing), []
    for name in ("one", "other"):
        torch.rand(3)
        before, results = host_state(), ResultsFolder(tmp_path / name)
        train(case, tiny_dataset, results, CPU)
        assert host_state() == before
        outcomes.append(outcome(case, results))
    assert outcomes[0] == outcomes[1]


@pipelines
def test_the_warm_up_and_other_epochs_change_no_draw(pipeline, tiny_dataset):
    case = own_case(tiny_dataset, Drawing, pipeline=pipeline)

    def second_epoch(*, trained_before):
        trainer = make_trainer(case, TINY_SPEC, CPU)
        images = trainer.place(tiny_dataset.train)
        initial = trainer.weights()
        if trained_before:
            trainer.warm_up(images)
            trainer.evaluate(images)
            trainer.train_epoch(images, 0, Stopwatch(CPU))
            trainer.restore(initial, {name: torch.zeros_like(value) for name, value in trainer.momentum().items()})
        trainer.train_epoch(images, 1, Stopwatch(CPU))
        return trainer.weights()

    expected, found = second_epoch(trained_before=False), second_epoch(trained_before=True)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_epochs_seeds_and_ranks_draw_different_numbers():
    seeds = [network_seed(seed, epoch, rank) for seed in (0, 1) for epoch in (0, 1, None) for rank in (0, 1)]
    assert len(set(seeds)) == len(seeds)
    assert epoch_generator(0, 1).initial_seed() not in seeds
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_every_evaluation_of_a_drawing_network_is_equal(tiny_dataset):
    trainer = FastTrainer(own_case(tiny_dataset, HostDrawing), TINY_SPEC, CPU)
    first, second = (trainer.evaluate(tiny_dataset.test).loss for _ in range(2))
    assert first == second


def test_an_epochs_draws_are_not_those_of_the_epoch_before(tiny_dataset):
    trainer, drawn = FastTrainer(own_case(tiny_dataset, Drawing), TINY_SPEC, CPU), []
    trainer.network.block.dropout.register_forward_hook(lambda *seen: drawn.append((seen[2] == 0).clone()))
    for epoch in (0, 0, 1):
        trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU))
        trainer.restore(FastTrainer(trainer.case, TINY_SPEC, CPU).weights(), {})
    first, again, other = drawn[0], drawn[4], drawn[8]
    assert len(drawn) == 12
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_compiled_drawing_network_is_repeatable(tiny_dataset, monkeypatch):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))  # a tenth of the time
    case = own_case(tiny_dataset, Drawing, compiled=True)

    def weights():
        trainer = FastTrainer(case, TINY_SPEC, CPU)
        trainer.warm_up(tiny_dataset.train)
        trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
        assert trainer.switched_off == {}
        return trainer.weights()

    first, second = weights(), weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_network_that_cannot_be_compiled_is_trained_without(tiny_dataset, results, undisturbed, monkeypatch):
    def refuse(network, **_):
        def forward(batch):
            raise RuntimeError("unsupported operator")

        return forward

    monkeypatch.setattr(torch, "compile", refuse)
    case = own_case(tiny_dataset, Drawing, compiled=True)
    result, recorder = train_recorded(case, tiny_dataset, results)
    reason = result.switched_off["compile"]
    assert reason.startswith("its step raised RuntimeError: unsupported operator")
    assert recorder.notices == [f"trained without compile: {reason}"]
    eager = replace(case, compiled=False)
    assert outcome(case, results)["weights"] == undisturbed(eager, tiny_dataset)["weights"]
