"""What was interrupted ends as if it had not been: the same weights, records and predictions, bit for bit."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.training import checkpoint
from harness.training import train as train_module
from harness.training.context import TrainingContext
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.trainer import empty_network
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case, of_different_sizes
from tests.training.test_train import Recorder, evaluating_to


class Interrupting(Recorder):
    """Stops training as Ctrl-C does: in an epoch, or at the end of one."""

    def __init__(self, epoch, *, at_its_end=False):
        super().__init__()
        self._epoch, self._at_its_end = epoch, at_its_end

    def on_progress(self, case, epoch, share):
        super().on_progress(case, epoch, share)
        if epoch == self._epoch and not self._at_its_end:
            raise KeyboardInterrupt

    def on_epoch(self, case, record):
        super().on_epoch(case, record)
        if record.epoch == self._epoch and self._at_its_end:
            raise KeyboardInterrupt


def interrupt(case, dataset, results, epoch, **how):
    with pytest.raises(KeyboardInterrupt):
        train(case, dataset, results, CPU, context=TrainingContext(callback=Interrupting(epoch, **how)))


def outcome(case, results):
    """All that training came to, but for times."""
    folder = results.folder(case)
    with np.load(folder / "predictions.npz") as kept:
        predictions = kept["predictions"].tolist()
    lines = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    records = [{key: value for key, value in line.items() if not key.endswith("_seconds")} for line in lines]
    result = results.find(case)
    scores = (result.accuracy_percent, result.best_accuracy_percent, result.best_epoch, result.macro_f1_percent)
    weights = {name: value.numpy().tobytes() for name, value in load_file(folder / "weights.safetensors").items()}
    return {"predictions": predictions, "records": records, "scores": scores, "weights": weights}


@pytest.fixture
def undisturbed(tmp_path):
    """What the same case comes to without an interruption."""

    def make(case, dataset):
        results = ResultsFolder(tmp_path / "undisturbed")
        train(case, dataset, results, CPU)
        return outcome(case, results)

    return make


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
@pytest.mark.parametrize("val_split", [0.0, 0.3])
@pytest.mark.parametrize("stops", [((2, False),), ((3, True),), ((1, False), (1, True), (2, False), (3, False))])
def test_an_interrupted_case_ends_as_if_it_had_not_been(stops, val_split, pipeline, tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset, val_split=val_split, pipeline=pipeline)
    for epoch, at_its_end in stops:
        interrupt(case, tiny_dataset, results, epoch, at_its_end=at_its_end)
    recorder = Recorder()
    result = train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert outcome(case, results) == undisturbed(case, tiny_dataset)
    done = [epoch if at_its_end else epoch - 1 for epoch, at_its_end in stops]
    assert result.interrupted_after == tuple(done)
    assert len(recorder.epochs) == 3 - done[-1]
    assert recorder.resumed == [done[-1]]


def test_the_best_epochs_weights_outlive_an_interruption(tiny_dataset, results, monkeypatch):
    evaluated = evaluating_to(monkeypatch, [90.0, 20.0, 20.0, 55.0, 66.0])
    case = make_case(tiny_dataset, val_split=0.3)
    interrupt(case, tiny_dataset, results, 2, at_its_end=True)
    result = train(case, tiny_dataset, results, CPU)
    assert (result.best_epoch, result.best_accuracy_percent) == (1, 66.0)
    assert torch.equal(evaluated[4], evaluated[0])


def test_images_of_different_sizes_go_on_as_well(tiny_dataset, results, undisturbed):
    dataset = of_different_sizes(tiny_dataset)
    augmentation = replace(TINY_RECIPE.augmentation, rotate_first=True, crop_scale=None)
    case = make_case(dataset, recipe=replace(TINY_RECIPE, augmentation=augmentation))
    interrupt(case, dataset, results, 2)
    train(case, dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, dataset)


@pytest.mark.parametrize("recipe", [{"momentum": 0.0, "nesterov": False}, {"nesterov": False}, {"warmup_epochs": 1}])
def test_every_kind_of_optimizer_goes_on(recipe, tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset, recipe=replace(TINY_RECIPE, **recipe))
    interrupt(case, tiny_dataset, results, 3)
    train(case, tiny_dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_every_recorded_epoch_is_counted_once_with_the_seconds_it_took(tiny_dataset, results):
    case, first = make_case(tiny_dataset), Interrupting(3)
    with pytest.raises(KeyboardInterrupt):
        train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=first))
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


def test_the_most_memory_and_the_compiling_of_earlier_attempts_count_as_well(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    with monkeypatch.context() as first:
        first.setattr("harness.training.train.PeakMemory.bytes", lambda _: 7 * 2**30)
        first.setattr(FastTrainer, "warm_up", lambda *_: time.sleep(0.05))
        interrupt(case, tiny_dataset, results, 2)
    monkeypatch.setattr("harness.training.train.PeakMemory.bytes", lambda _: 2**30)
    result = train(case, tiny_dataset, results, CPU)
    assert [attempt.peak_memory_bytes for attempt in result.attempts] == [7 * 2**30, 2**30]
    assert result.peak_memory_bytes == 7 * 2**30
    assert result.compile_seconds == sum(attempt.compile_seconds for attempt in result.attempts) >= 0.05


def test_a_case_interrupted_as_it_diverges_ends_as_diverged(tiny_dataset, results, tmp_path):
    case = make_case(tiny_dataset, recipe=replace(TINY_RECIPE, learning_rate=1e30))
    alone = train(case, tiny_dataset, ResultsFolder(tmp_path / "alone"), CPU)
    interrupt(case, tiny_dataset, results, alone.epochs, at_its_end=True)
    result = train(case, tiny_dataset, results, CPU)
    assert (result.status, result.epochs) == (alone.status, alone.epochs) == ("diverged", alone.epochs)


def test_while_it_trains_two_checkpoints_are_kept_and_in_the_end_none(tiny_dataset, results):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    names = [path.name for path in checkpoint.newest_first(results.folder(case))]
    assert names == ["checkpoint-00002-1.pt", "checkpoint-00001-1.pt"]
    train(case, tiny_dataset, results, CPU)
    assert not list(results.folder(case).glob("*checkpoint*"))


def test_a_quick_run_keeps_no_checkpoints(tiny_dataset, results):
    case = make_case(tiny_dataset, mode="quick")
    interrupt(case, tiny_dataset, results, 3)
    assert not list(results.folder(case).glob("*checkpoint*"))
    recorder = Recorder()
    train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert len(recorder.epochs) == 3


@pytest.mark.parametrize("damaged", [1, 2])
def test_damaged_checkpoints_are_named_and_the_one_before_is_used(damaged, tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    paths = checkpoint.newest_first(results.folder(case))
    for path in paths[:damaged]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    recorder = Recorder()
    train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert outcome(case, results) == undisturbed(case, tiny_dataset)
    assert len(recorder.epochs) == (2 if damaged == 1 else 3)
    assert len(recorder.notices) == damaged
    for path, notice in zip(paths, recorder.notices, strict=False):
        assert f"{path} is damaged" in notice


def test_a_checkpoint_of_another_model_is_refused_though_it_is_bound_to_the_case(
    tiny_dataset, results, monkeypatch, undisturbed
):
    case, other = make_case(tiny_dataset), make_case(tiny_dataset, model="resnet14")
    interrupt(other, tiny_dataset, results, 2)
    folder = results.folder(case)
    results.folder(other).rename(folder)
    (path, *_) = checkpoint.newest_first(folder)
    shapes = {name: value.shape for name, value in empty_network(other, TINY_SPEC).state_dict().items()}
    forged = replace(checkpoint.load(path, other.identity, shapes), identity=case.identity, attempts=())
    checkpoint.remove_all(folder)
    checkpoint.save(folder, forged)
    recorder = Recorder()
    train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert "has other tensors than the case's network" in recorder.notices[0]
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_another_cases_checkpoint_is_named_and_not_used(tiny_dataset, results, undisturbed):
    case, other = make_case(tiny_dataset), make_case(tiny_dataset, seed=1)
    interrupt(other, tiny_dataset, results, 2)
    results.folder(other).rename(results.folder(case))
    recorder = Recorder()
    train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert all(f"is of another case: {other.identity[:12]}, this one is" in text for text in recorder.notices)
    assert len(recorder.notices) == 2
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_epochs_torn_while_they_were_written_are_those_of_the_checkpoint(tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    path = results.folder(case) / "epochs.jsonl"
    path.write_text(path.read_text()[:-30])
    train(case, tiny_dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_a_case_begun_by_other_code_is_refused_with_both_named(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    with monkeypatch.context() as other:
        other.setattr(train_module, "training_code_version", lambda: "0123456789ab")
        interrupt(case, tiny_dataset, results, 3)
    ours = train_module.training_code_version()
    with pytest.raises(
        InputError, match=f"2 epochs trained by another version of the code: 0123456789ab .* and {ours}"
    ):
        train(case, tiny_dataset, results, CPU)
    assert len(checkpoint.newest_first(results.folder(case))) == 2  # nothing is lost
    assert results.find(case) is None
    recorder = Recorder()
    result = train(case, tiny_dataset, results, CPU, rerun=True, context=TrainingContext(callback=recorder))
    assert len(recorder.epochs) == 3
    assert result.interrupted_after == ()
    assert "begun anew, after 2 epochs by another version of the code" in recorder.notices[0]


def test_rerun_begins_a_finished_case_anew_and_goes_on_with_an_interrupted_one(tiny_dataset, results):
    case = make_case(tiny_dataset)
    train(case, tiny_dataset, results, CPU)
    with pytest.raises(KeyboardInterrupt):
        train(case, tiny_dataset, results, CPU, rerun=True, context=TrainingContext(callback=Interrupting(2)))
    assert results.find(case) is None
    recorder = Recorder()
    train(case, tiny_dataset, results, CPU, rerun=True, context=TrainingContext(callback=recorder))
    assert len(recorder.epochs) == 2


def test_rerun_does_not_take_a_finished_cases_last_checkpoint_for_an_interrupted_one(
    tiny_dataset, results, monkeypatch
):
    case = make_case(tiny_dataset)
    with monkeypatch.context() as killed_at_the_end:
        killed_at_the_end.setattr(checkpoint, "remove_all", lambda _: None)
        train(case, tiny_dataset, results, CPU)
    assert checkpoint.newest_first(results.folder(case))
    recorder = Recorder()
    train(case, tiny_dataset, results, CPU, rerun=True, context=TrainingContext(callback=recorder))
    assert len(recorder.epochs) == 3


def test_a_case_that_ran_out_of_memory_goes_on_after_its_last_epoch(tiny_dataset, results, monkeypatch, undisturbed):
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


def test_a_change_of_threads_is_told_at_once_and_stands_in_the_result(tiny_dataset, results):
    case, before = make_case(tiny_dataset), torch.get_num_threads()
    interrupt(case, tiny_dataset, results, 3)
    recorder = Recorder()
    torch.set_num_threads(3)
    try:
        result = train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    finally:
        torch.set_num_threads(before)
    assert result.changes_between_attempts == (f"{'1 thread' if before == 1 else f'{before} threads'} → 3 threads",)
    assert [attempt.environment["threads"] for attempt in result.attempts] == [before, 3]
    assert result.environment["threads"] == 3
    assert "its epochs are no longer to be compared" in recorder.notices[0]


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
def test_training_and_evaluating_draw_nothing_from_the_global_generators(pipeline, tiny_dataset, results):
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    train(make_case(tiny_dataset, pipeline=pipeline), tiny_dataset, results, CPU)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before).all()


class Stopping(Recorder):
    """Asks to stop once an epoch has begun, as a signal does whose exception was lost."""

    def __init__(self, epoch):
        super().__init__()
        self._epoch = epoch

    def should_stop(self):
        return any(epoch >= self._epoch for epoch, _ in self.shares)


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
def test_a_request_to_stop_is_heeded_though_its_exception_was_lost(pipeline, tiny_dataset, results):
    case = make_case(tiny_dataset, pipeline=pipeline)
    with pytest.raises(KeyboardInterrupt):
        train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=Stopping(2)))
    assert len(results.read_epochs(case)) == 1
    assert results.find(case) is None


def test_a_failure_after_a_request_to_stop_is_not_recorded_as_one(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise RuntimeError("DataLoader worker is killed by signal: Terminated")

    case, callback = make_case(tiny_dataset), Recorder()
    callback.should_stop = lambda: True
    monkeypatch.setattr(FastTrainer, "step", fail)
    with pytest.raises(KeyboardInterrupt):
        train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=callback))
    assert results.find(case) is None


def test_lack_of_memory_at_the_start_of_a_resumption_does_not_forget_the_epochs(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)

    def fail(*_):
        raise torch.OutOfMemoryError("tried to allocate 8 EiB")

    with monkeypatch.context() as broken:
        broken.setattr(train_module, "make_trainer", fail)
        result = train(case, tiny_dataset, results, CPU)
    assert (result.status, result.epochs, result.interrupted_after) == ("out_of_memory", 2, (2,))
    assert train(case, tiny_dataset, results, CPU).is_complete


def test_checkpoints_that_cannot_be_read_are_kept_and_told_of(tiny_dataset, results):
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    (path, _) = checkpoint.newest_first(results.folder(case))
    path.rename(path.with_suffix(".kept"))
    path.symlink_to("/proc/self/mem")  # opens, and cannot be read
    with pytest.raises(InputError, match="cannot read the checkpoints in .*Input/output error"):
        train(case, tiny_dataset, results, CPU)
    path.unlink()
    path.with_suffix(".kept").rename(path)
    recorder = Recorder()
    train(case, tiny_dataset, results, CPU, context=TrainingContext(callback=recorder))
    assert recorder.resumed == [2]


def test_a_rerun_for_which_the_disk_has_no_room_leaves_the_result_alone(tiny_dataset, results, monkeypatch):
    case = make_case(tiny_dataset)
    result = train(case, tiny_dataset, results, CPU)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(checkpoint, "save", full)
        with pytest.raises(InputError, match="No space left on device"):
            train(case, tiny_dataset, results, CPU, rerun=True)
    assert results.find(case) == result


def test_the_cause_of_a_failure_is_one_line_without_control_characters(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise RuntimeError("red \x1b[31malert\r gone\nsecond line")

    monkeypatch.setattr(FastTrainer, "step", fail)
    case = make_case(tiny_dataset)
    with pytest.raises(RuntimeError):
        train(case, tiny_dataset, results, CPU)
    assert results.find(case).cause == "RuntimeError: red  [31malert  gone"
