import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from harness.data.split import split_training
from harness.errors import InputError
from harness.hardware.stops import StopMeter, Stops
from harness.hardware.stopwatch import Stopwatch
from harness.results.folder import ResultsFolder
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.process_group import ProcessGroup
from harness.training.train import train
from harness.training.trainers import fast, make_trainer
from harness.training.trainers.data_parallel import (
    DataParallelTrainer,
    Follower,
    RankZeroTrainer,
    require_divisible,
    shard,
)
from harness.training.trainers.fast import FastTrainer
from tests.helpers.disturbances import QUIET, use_meter
from tests.helpers.host_waits import HostWaits
from tests.helpers.networks import own_case
from tests.helpers.rank_threads import RankThread, in_threads, train_in_threads
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case, make_dataset


@given(st.integers(0, 50), st.integers(0, 300), st.integers(1, 9))
def test_every_position_belongs_to_exactly_one_rank(start, count, size):
    shares = [list(shard(start, start + count, ProcessGroup(rank, size))) for rank in range(size)]
    assert list(itertools.chain(*shares)) == list(range(start, start + count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.fixture
def in_double(monkeypatch):
    """Networks and inputs in double precision, where another order of sums makes no difference."""
    load, initial = FastTrainer._load, fast.initial_network

    def loaded(self, *arguments):
        inputs, labels = load(self, *arguments)
        return inputs.double(), labels

    monkeypatch.setattr(FastTrainer, "_load", loaded)
    monkeypatch.setattr(fast, "initial_network", lambda *arguments: initial(*arguments).double())


# 30 images: full batches and one of 6; 25: a last batch of one image, which leaves all ranks but one without any.
@pytest.mark.parametrize(("images", "size"), [(30, 2), (30, 4), (25, 2), (25, 3)])
def test_an_epoch_over_ranks_equals_that_of_one_process(images, size, in_double):
    dataset = make_dataset(train_images=images)
    case = make_case(dataset)
    single = FastTrainer(case, TINY_SPEC, CPU)
    expected = [single.train_epoch(dataset.train, epoch, Stopwatch(CPU)) for epoch in range(3)]

    def part(processes):
        trainer = DataParallelTrainer(case, TINY_SPEC, CPU, processes)
        outcomes = [trainer.train_epoch(dataset.train, epoch, Stopwatch(CPU)) for epoch in range(3)]
        return outcomes, trainer.weights(), trainer.momentum()

    for outcomes, weights, momentum in in_threads(size, part):
        assert np.allclose(outcomes, expected, rtol=1e-9, atol=0)
        for name, value in single.weights().items():
            torch.testing.assert_close(weights[name], value, rtol=1e-7, atol=1e-10)
        for name, value in single.momentum().items():
            torch.testing.assert_close(momentum[name], value, rtol=1e-7, atol=1e-10)


def viewing(in_channels, num_classes):
    return nn.Sequential(View(), nn.BatchNorm1d(64 * in_channels), nn.Linear(in_channels * 64, num_classes))


class View(nn.Module):
    def forward(self, x):
        return x.reshape(x.size(0), -1)  # -1 has no meaning without images


# 11 images in batches of 8: the last batch has 3, of which one of four ranks has none.
@pytest.mark.parametrize(("build", "precision"), [(viewing, "fp32"), (viewing, "bf16"), (None, "bf16")])
def test_rank_without_images_changes_nothing(build, precision):
    dataset = make_dataset(train_images=11)
    case = make_case(dataset) if build is None else own_case(dataset, build)
    case = replace(case, precision=precision)
    require_divisible(case, dataset, ProcessGroup(0, 4))
    single = FastTrainer(case, TINY_SPEC, CPU)
    loss, _ = single.train_epoch(dataset.train, 0, Stopwatch(CPU))

    def part(processes):
        trainer = DataParallelTrainer(case, TINY_SPEC, CPU, processes)
        return trainer.train_epoch(dataset.train, 0, Stopwatch(CPU)), trainer.weights()

    parts = in_threads(4, part)
    # At bf16 each rank rounds its part of a gradient to 8 bits.
    tolerance = {"fp32": 1e-4, "bf16": 0.03}[precision]
    for outcome, weights in parts:
        assert outcome[0] == pytest.approx(loss, rel=tolerance)
        assert all(torch.equal(weights[name], value) for name, value in parts[0][1].items())
        found, expected = (torch.cat([one.flatten() for one in some.values()]) for some in (weights, single.weights()))
        assert (found - expected).norm() <= tolerance * expected.norm()


def test_a_step_exchanges_each_layers_sums_and_all_gradients_once(tiny_dataset, monkeypatch):
    exchanged, all_reduce = [], RankThread.all_reduce

    def counted(self, tensor):
        if self.is_rank_zero:
            exchanged.append(tensor.nbytes)
        return all_reduce(self, tensor)

    monkeypatch.setattr(RankThread, "all_reduce", counted)

    def part(processes):
        trainer = DataParallelTrainer(make_case(tiny_dataset), TINY_SPEC, CPU, processes)
        trainer._begin_epoch(tiny_dataset.train, 0)
        trainer.step(torch.rand(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))
        return sum(one.numel() + 1 for one in trainer.network.parameters())

    gradients, _ = in_threads(2, part)
    channels = [16, 16, 16, 32, 32, 64, 64]
    forward, backward = ([8 * (2 * count + more) for count in channels] for more in (1, 0))
    assert exchanged == [*forward, *reversed(backward), 4 * gradients]


@pytest.mark.parametrize("images", [8, 1])
def test_host_never_waits_for_the_device_in_a_step(images, tiny_dataset):
    case = make_case(tiny_dataset)

    def part(processes):
        trainer = DataParallelTrainer(case, TINY_SPEC, CPU, processes)
        trainer._begin_epoch(tiny_dataset.train, 0)
        batch, labels = torch.rand(images, 1, 8, 8), torch.zeros(images, dtype=torch.int64)
        with HostWaits() as waits:
            trainer.step(batch, labels)
        return waits.names

    assert in_threads(2, part) == [[], []]


def test_stop_of_any_rank_disturbs_the_epoch_of_all(tiny_dataset, results, monkeypatch):
    readings = itertools.cycle([Stops(0.0, 60.0), Stops(7.7, 0.0)])  # of the ranks, in whichever order
    monkeypatch.setattr(StopMeter, "reading", lambda self: next(readings))
    use_meter(monkeypatch, QUIET)
    result, _ = train_in_threads(2, make_case(tiny_dataset), tiny_dataset, results)
    assert result.disturbed_epochs == (1, 2, 3)
    assert result.disturbance_causes == ("the process was stopped for 7.7s", "the machine slept for 1m00s")


@pytest.mark.parametrize("count", [1, 13])
def test_every_image_is_evaluated_once_and_in_order(count):
    dataset = make_dataset(test_images=count)
    case = make_case(dataset)
    expected = FastTrainer(case, TINY_SPEC, CPU).evaluate(dataset.test)
    for found in in_threads(
        3, lambda processes: DataParallelTrainer(case, TINY_SPEC, CPU, processes).evaluate(dataset.test)
    ):
        assert found.loss == pytest.approx(expected.loss, rel=1e-5)
        assert found.accuracy_percent == expected.accuracy_percent
        assert found.predictions.tolist() == expected.predictions.tolist()


def test_a_rank_evaluates_its_share_without_a_copy_of_its_pixels(tiny_dataset, monkeypatch):
    evaluated, evaluate = [], FastTrainer.evaluate
    monkeypatch.setattr(
        FastTrainer,
        "evaluate",
        lambda self, images, **options: evaluated.append(images) or evaluate(self, images, **options),
    )
    case = make_case(tiny_dataset)
    in_threads(2, lambda processes: DataParallelTrainer(case, TINY_SPEC, CPU, processes).evaluate(tiny_dataset.test))
    assert [one.pixels.data_ptr() for one in evaluated] == [tiny_dataset.test.pixels.data_ptr()] * 2


@pytest.mark.parametrize("order", list(itertools.permutations(["train", "test", "validation"])))
def test_image_sets_are_addressed_by_name_in_any_order(order, tiny_dataset):
    case = make_case(tiny_dataset, val_split=0.3, train_fraction=0.5, seed=3)
    train_images, validation = split_training(tiny_dataset.train, case)
    sets = {"train": train_images, "test": tiny_dataset.test, "validation": validation}

    def act(processes):
        trainer = make_trainer(case, TINY_SPEC, CPU, processes)
        assert type(trainer) is RankZeroTrainer
        placed = {name: trainer.place(sets[name], name) for name in order}
        return {name: trainer.evaluate(images).predictions.tolist() for name, images in placed.items()}

    def part(processes):
        if processes.is_rank_zero:
            return processes.run_on_rank_zero(lambda: act(processes))
        return processes.follow(Follower(case, tiny_dataset, CPU, processes).execute)

    single = FastTrainer(case, TINY_SPEC, CPU)
    expected = {name: single.evaluate(images).predictions.tolist() for name, images in sets.items()}
    assert in_threads(2, part) == [expected, expected]


def test_what_is_switched_off_on_rank_0_is_off_on_every_rank(tiny_dataset):
    case = make_case(tiny_dataset, precision="bf16")

    def part(processes):
        if processes.is_rank_zero:
            off = lambda: make_trainer(case, TINY_SPEC, CPU, processes).switch_off("bf16", "it differs")  # noqa: E731
            return processes.run_on_rank_zero(off)
        follower = Follower(case, tiny_dataset, CPU, processes)
        processes.follow(follower.execute)
        return follower.trainer.precision

    assert in_threads(2, part) == [None, "fp32"]


class Stopping(TrainingCallback):
    def __init__(self, after):
        self.after, self.epochs = after, 0

    def on_epoch(self, case, record):
        self.epochs += 1

    def should_stop(self):
        return self.epochs == self.after


@pytest.mark.parametrize(("val_split", "train_fraction"), [(0.0, 1.0), (0.3, 1.0), (0.3, 0.5)])
def test_all_ranks_get_one_result_recorded_once(val_split, train_fraction, tiny_dataset, results):
    case = make_case(tiny_dataset, val_split=val_split, train_fraction=train_fraction)
    outcomes = train_in_threads(2, case, tiny_dataset, results)
    assert [outcome.status for outcome in outcomes] == ["complete", "complete"]
    assert outcomes[0] == outcomes[1] == results.find(case)
    assert outcomes[0].environment["processes"] == 2
    assert len(results.read_epochs(case)) == 3
    assert outcomes[0].train_images == len(split_training(tiny_dataset.train, case)[0])
    assert train_in_threads(2, case, tiny_dataset, results) == outcomes  # read, not trained again
    assert train(case, tiny_dataset, results, CPU) == outcomes[0]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 2)])
def test_a_case_resumes_with_another_number_of_processes(before, after, tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset)
    undisturbed = train_in_threads(after, case, tiny_dataset, ResultsFolder(tmp_path / "undisturbed"))[0]
    if before == 1:
        with pytest.raises(KeyboardInterrupt):
            train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=Stopping(1)))
    else:
        stopped = train_in_threads(before, case, tiny_dataset, results, Stopping(1))
        assert all(isinstance(one, KeyboardInterrupt) for one in stopped)
    result = train_in_threads(after, case, tiny_dataset, results)[0]
    assert (result.status, result.epochs, result.interrupted_after) == ("complete", 3, (1,))
    changes = [change for change in result.changes_between_attempts if "process" in change]  # threads may differ too
    assert changes == ([] if before == after else [f"{process_count(before)} → {process_count(after)}"])
    assert result.accuracy_percent == pytest.approx(undisturbed.accuracy_percent, abs=0 if before == after else 10)
    if before == after:
        first, second = (load_file(results_of / "weights.safetensors") for results_of in (
            results.folder(case), tmp_path / "undisturbed" / case.folder_name))  # fmt: skip
        assert all(torch.equal(first[name], second[name]) for name in first)


def process_count(count):
    return "1 process" if count == 1 else f"{count} processes"


def test_divergence_is_the_result_on_all_ranks(tiny_dataset, results):
    case = make_case(tiny_dataset, recipe=replace(TINY_RECIPE, learning_rate=1e30))
    assert [one.status for one in train_in_threads(2, case, tiny_dataset, results)] == ["diverged"] * 2


def test_a_network_that_cannot_be_synchronised_is_refused_before_training(tiny_dataset):
    def build(in_channels, num_classes):
        return nn.Sequential(
            nn.Conv2d(in_channels, num_classes, 8), nn.BatchNorm2d(num_classes, track_running_stats=False)
        )

    with pytest.raises(InputError, match="model own: its layer '1', a BatchNorm2d, cannot be synchronised"):
        require_divisible(own_case(tiny_dataset, build), tiny_dataset, ProcessGroup(0, 2))
