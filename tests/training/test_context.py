import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest
import torch

from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.run import TrainingRun
from harness.training.train import train
from harness.training.trainers.fast import FastTrainer
from tests.helpers import REPOSITORY
from tests.helpers.tiny import CPU, make_case


def test_default_context_is_one_silent_process():
    context = TrainingContext()
    assert (context.processes.world_size, context.processes.is_rank_zero) == (1, True)
    assert (context.dataset_verified, context.machine_name, context.command) == (False, None, None)
    assert not context.callback.should_stop()
    with pytest.raises(FrozenInstanceError):
        context.command = "pytest"


def test_context_is_recorded_with_the_result(tiny_dataset, results):
    context = TrainingContext(dataset_verified=True, machine_name="node7", command="pytest bench -k digits")
    result = train(make_case(tiny_dataset), tiny_dataset, results, CPU, context=context)
    assert result.dataset_verified
    assert result.environment["node"] == "node7"
    assert result.attempts[0].command == "pytest bench -k digits"


def test_memory_that_others_share_ends_the_case_at_once(tiny_dataset, results, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("tried to allocate 8 EiB")

    retried = []
    monkeypatch.setattr(FastTrainer, "step", fail)
    monkeypatch.setattr(TrainingRun, "without_what_takes_memory", lambda _: retried.append(1))
    for shares_memory in (True, False):
        context = TrainingContext(shares_memory=shares_memory)
        result = train(make_case(tiny_dataset), tiny_dataset, results, CPU, context=context)
        assert (result.status, len(retried)) == ("out_of_memory", 1 - shares_memory)


class Calls(TrainingCallback):
    """A callback that lists the names of the methods called."""

    def __init__(self):
        self.names = []

    def on_warm_up(self, case):
        self.names.append("warm_up")

    def on_progress(self, case, epoch, share):
        self.names.append(("progress", epoch, share))

    def on_epoch(self, case, record):
        self.names.append(("epoch", record.epoch))


def test_callback_is_called_before_in_and_after_each_epoch(tiny_dataset, results):
    calls = Calls()
    train(make_case(tiny_dataset), tiny_dataset, results, CPU, context=TrainingContext(callback=calls))
    assert calls.names[0] == "warm_up"
    assert [call for call in calls.names if call[0] == "epoch"] == [("epoch", epoch) for epoch in (1, 2, 3)]
    for epoch in (1, 2, 3):
        end = calls.names.index(("epoch", epoch))
        assert calls.names[end - 1] == ("progress", epoch, 1.0)


def test_context_and_callback_need_no_torch():
    code = "import sys, harness.training.context, harness.training.callback; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
