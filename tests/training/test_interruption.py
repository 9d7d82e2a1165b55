"""An interrupted case ends with the same weights, records and predictions, bit for bit."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.results.folder import ResultsFolder
from harness.training import checkpoint
from harness.training.context import TrainingContext
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from tests.helpers.marks import slow_first
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case, of_different_sizes
from tests.helpers.training import Recorder, evaluating_to, interrupt, outcome, train_recorded

STOPS = (((2, False),), ((3, True),), ((1, False), (1, True), (2, False), (3, False)))
SPLITS_AND_STOPS = [*itertools.product((0.0, 0.3), STOPS)]


@pytest.mark.parametrize(
    ("pipeline", "val_split", "stops"),
    [
        *(("fast", *one) for one in SPLITS_AND_STOPS),
        *slow_first(*(("reference", *one) for one in reversed(SPLITS_AND_STOPS))),
    ],
)
def test_interrupted_case_is_bit_identical_to_uninterrupted(
    pipeline, val_split, stops, tiny_dataset, results, undisturbed
):
    case = make_case(tiny_dataset, val_split=val_split, pipeline=pipeline)
    for epoch, at_its_end in stops:
        interrupt(case, tiny_dataset, results, epoch, at_its_end=at_its_end)
    result, recorder = train_recorded(case, tiny_dataset, results)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)
    done = [epoch if at_its_end else epoch - 1 for epoch, at_its_end in stops]
    assert result.interrupted_after == tuple(done)
    assert len(recorder.epochs) == 3 - done[-1]
    assert recorder.resumed == [done[-1]]


def test_best_epochs_weights_survive_an_interruption(tiny_dataset, results, monkeypatch):
    evaluated = evaluating_to(monkeypatch, [90.0, 20.0, 20.0, 55.0, 66.0])
    case = make_case(tiny_dataset, val_split=0.3)
    interrupt(case, tiny_dataset, results, 2, at_its_end=True)
    result = train(case, tiny_dataset, results, CPU)
    assert (result.best_epoch, result.best_accuracy_percent) == (1, 66.0)
    assert torch.equal(evaluated[4], evaluated[0])


def test_images_of_different_sizes_resume_bit_identically(tiny_dataset, results, undisturbed):
    dataset = of_different_sizes(tiny_dataset)
    augmentation = replace(TINY_RECIPE.augmentation, rotate_first=True, crop_scale=None)
    case = make_case(dataset, recipe=replace(TINY_RECIPE, augmentation=augmentation))
    interrupt(case, dataset, results, 2)
    train(case, dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, dataset)


@pytest.mark.parametrize("recipe", [{"momentum": 0.0, "nesterov": False}, {"nesterov": False}, {"warmup_epochs": 1}])
def test_every_kind_of_optimizer_resumes_bit_identically(recipe, tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset, recipe=replace(TINY_RECIPE, **recipe))
    interrupt(case, tiny_dataset, results, 3)
    train(case, tiny_dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_every_epoch_is_counted_once_with_its_seconds(tiny_dataset, results):
    case = make_case(tiny_dataset)
    first = interrupt(case, tiny_dataset, results, 3)
    second = Recorder()
    result = train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=second))
    trained = first.epochs + second.epochs
    assert results.read_epochs(case) == trained
    assert result.epoch_seconds == tuple(record.epoch_seconds for record in trained)
    assert result.total_seconds == sum(result.epoch_seconds)
    assert result.checkpoint_seconds == sum(record.checkpoint_seconds for record in trained) > 0
    assert result.wall_seconds == sum(attempt.wall_seconds for attempt in result.attempts)
    assert result.wall_seconds > result.total_seconds
    one, other = result.attempts
    assert one.wall_seconds > sum(result.epoch_seconds[:2])
    assert result.started_at == one.started_at < other.started_at <= result.finished_at


def test_memory_and_compiling_of_earlier_attempts_are_counted(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    with monkeypatch.context() as first:
        first.setattr("harness.training.history.PeakMemory.bytes", lambda _: 7 * 2**30)
        first.setattr(FastTrainer, "warm_up", lambda *_: time.sleep(0.05))
        interrupt(case, tiny_dataset, results, 2)
    monkeypatch.setattr("harness.training.history.PeakMemory.bytes", lambda _: 2**30)
    result = train(case, tiny_dataset, results, CPU)
    assert [attempt.peak_memory_bytes for attempt in result.attempts] == [7 * 2**30, 2**30]
    assert result.peak_memory_bytes == 7 * 2**30
    assert result.compile_seconds == sum(attempt.compile_seconds for attempt in result.attempts) >= 0.05


def test_case_interrupted_while_diverging_ends_as_diverged(tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset, recipe=replace(TINY_RECIPE, learning_rate=1e30))
    alone = train(case, tiny_dataset, ResultsFolder(tmp_path / "alone"), CPU)
    interrupt(case, tiny_dataset, results, alone.epochs, at_its_end=True)
    result = train(case, tiny_dataset, results, CPU)
    assert (result.status, result.epochs) == (alone.status, alone.epochs) == ("diverged", alone.epochs)


def test_two_checkpoints_are_kept_until_the_case_is_complete(tiny_dataset, results):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    names = [path.name for path in checkpoint.newest_first(results.folder(case))]
    assert names == ["checkpoint-00002-1.safetensors", "checkpoint-00001-1.safetensors"]
    train(case, tiny_dataset, results, CPU)
    assert not list(results.folder(case).glob("*checkpoint*"))


def test_quick_mode_keeps_no_checkpoints(tiny_dataset, results):
    case = make_case(tiny_dataset, mode="quick")
    interrupt(case, tiny_dataset, results, 3)
    assert not list(results.folder(case).glob("*checkpoint*"))
    _, recorder = train_recorded(case, tiny_dataset, results)
    assert len(recorder.epochs) == 3


def test_case_out_of_memory_resumes_after_its_last_epoch(tiny_dataset, results, monkeypatch, undisturbed):
    case, step = make_case(tiny_dataset), FastTrainer.step
    calls = []

    def fail_in_the_second_epoch(self, batch, labels):
        calls.append(len(labels))
        if sum(calls) > 45:
            raise torch.OutOfMemoryError("tried to allocate 8 EiB")
        step(self, batch, labels)

    with monkeypatch.context() as broken:
        broken.setattr(FastTrainer, "step", fail_in_the_second_epoch)
        result = train(case, tiny_dataset, results, CPU)
    assert (result.status, result.epochs) == ("out_of_memory", 1)
    recorder = Recorder()
    assert train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder)).is_complete
    assert recorder.resumed == [1]
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_lack_of_memory_at_resume_keeps_the_earlier_epochs(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)

    def fail(*_):
        raise torch.OutOfMemoryError("tried to allocate 8 EiB")

    with monkeypatch.context() as broken:
        broken.setattr("harness.training.run.make_trainer", fail)
        result = train(case, tiny_dataset, results, CPU)
    assert (result.status, result.epochs, result.interrupted_after) == ("out_of_memory", 2, (2,))
    assert train(case, tiny_dataset, results, CPU).is_complete


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
def test_training_draws_nothing_from_the_global_generators(pipeline, tiny_dataset, results):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(make_case(tiny_dataset, pipeline=pipeline), tiny_dataset, results, CPU)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before).all()


class Stopping(Recorder):
    """Asks to stop once an epoch has started, as a signal does whose exception was lost."""

    def __init__(self, epoch):
        super().__init__()
        self._epoch = epoch

    def should_stop(self):
        return any(epoch >= self._epoch for epoch, _ in self.shares)


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
def test_stop_request_whose_exception_was_lost_is_followed(pipeline, tiny_dataset, results):
    case = make_case(tiny_dataset, pipeline=pipeline)
    with pytest.raises(KeyboardInterrupt):
        train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=Stopping(2)))
    assert len(results.read_epochs(case)) == 1
    assert results.find(case) is None


def test_failure_after_a_stop_request_is_not_recorded(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise RuntimeError("DataLoader worker is killed by signal: Terminated")

    case, callback = make_case(tiny_dataset), Recorder()
    callback.should_stop = lambda: True
    monkeypatch.setattr(FastTrainer, "step", fail)
    with pytest.raises(KeyboardInterrupt):
        train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=callback))
    assert results.find(case) is None
