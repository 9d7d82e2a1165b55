"""A GPU lost in training: what is recorded, what happens to the other cases, and what the next process does."""

import contextlib

import pytest
import torch

from harness.errors import DeviceLostError
from harness.hardware import lost_device
from harness.training import train as train_module
from harness.training.process_failure import ProcessLostError
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from tests.helpers.tiny import CPU, make_case
from tests.helpers.training import outcome, train_recorded

ASSERT = "CUDA error: device-side assert triggered"


@pytest.fixture
def losing(monkeypatch):
    """A function that makes a context in which a process loses its device in the third epoch."""
    train_epoch = FastTrainer.train_epoch

    def lose(self, images, epoch, *arguments):
        if epoch == 2:
            raise torch.AcceleratorError(f"{ASSERT}\nCUDA kernel errors might be asynchronously reported")
        return train_epoch(self, images, epoch, *arguments)

    @contextlib.contextmanager
    def process():
        with monkeypatch.context() as patch:
            patch.setattr(lost_device, "_lost", {})
            patch.setattr(FastTrainer, "train_epoch", lose)
            yield

    return process


def test_next_process_resumes_the_case_that_lost_the_device(losing, tiny_dataset, results, undisturbed):
    case = make_case(tiny_dataset)
    with losing(), pytest.raises(DeviceLostError) as loss:
        train(case, tiny_dataset, results, CPU)
    assert str(loss.value) == (
        f"{case.label}: this process has lost cpu ({ASSERT}), and epoch 3 is lost; run the same command again: it "
        "trains this case after epoch 2, and those not yet trained"
    )
    failed = results.find(case)
    assert (failed.status, failed.cause, failed.epochs, failed.is_finished) == ("failed", ASSERT, 2, False)
    result, recorder = train_recorded(case, tiny_dataset, results)
    assert (result.is_complete, recorder.resumed) == (True, [2])
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


def test_other_cases_of_the_process_end_at_once_and_stay_unfinished(losing, tiny_dataset, results):
    finished, first, second = (make_case(tiny_dataset, seed=seed) for seed in range(3))
    train(finished, tiny_dataset, results, CPU)
    with losing():
        with pytest.raises(DeviceLostError):
            train(first, tiny_dataset, results, CPU)
        message = f"^{second.label} is not trained: this process lost cpu in {first.label} "
        with pytest.raises(DeviceLostError, match=message):
            train(second, tiny_dataset, results, CPU)
        assert not results.folder(second).exists()
        assert train(finished, tiny_dataset, results, CPU).is_complete
    assert train(second, tiny_dataset, results, CPU).is_complete


def test_a_record_that_needs_the_lost_device_hides_no_message(losing, tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise torch.AcceleratorError(ASSERT)

    monkeypatch.setattr(train_module, "build_result", fail)
    with losing(), pytest.raises(DeviceLostError, match="epoch 3 is lost; run the same command again"):
        train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert results.find(make_case(tiny_dataset)) is None


def test_another_ranks_loss_is_not_this_ones(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise ProcessLostError(f"process 1 of 2 on n: {ASSERT}")

    monkeypatch.setattr(lost_device, "_lost", {})
    monkeypatch.setattr(FastTrainer, "train_epoch", fail)
    with pytest.raises(ProcessLostError):
        train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert not lost_device._lost
    assert results.find(make_case(tiny_dataset)).status == "failed"
