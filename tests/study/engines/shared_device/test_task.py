"""The training of one case in a worker process: its messages and its ends."""

from dataclasses import replace

import pytest
import torch

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.errors import DeviceLostError, InputError
from harness.results.result import EpochRecord, Result
from harness.study.engines.shared_device import task as task_module
from harness.study.engines.shared_device.task import CaseTask, Failure, Notice, Resumed
from harness.study.machine import Machine
from tests.helpers.records import RECORD
from tests.helpers.synthetic import synthetic_result


@pytest.fixture
def task(make_settings):
    settings = make_settings(full_training=True)
    recipe = replace(DIGITS, epochs=1, milestones=(), batch_size=512)
    experiment = plan_experiment(settings, "digits", "resnet8", 1, recipe)
    case = Machine(settings).case(experiment)
    threads = torch.get_num_threads()
    yield CaseTask(
        settings,
        experiment,
        case,
        rerun=False,
        accept_other_code=False,
        threads=2,
        command="pytest bench",
        shares_memory=True,
    )
    torch.set_num_threads(threads)
    task_module._machine.cache_clear()


@pytest.fixture
def run(task, monkeypatch):
    """Runs the task with another function in place of `train`; returns the last message, and those before."""

    def run(train):
        sent = []
        monkeypatch.setattr(task_module, "train", train)
        return task.run(sent.append), sent

    return run


def test_a_case_is_trained_in_the_results_folder_itself(task):
    sent = []
    result = task.run(sent.append)
    assert isinstance(result, Result)
    assert (result.case, result.dataset_verified, result.attempts[-1].command) == (task.case, True, "pytest bench")
    assert [type(one) for one in sent] == [EpochRecord]
    assert torch.get_num_threads() == result.attempts[-1].environment["threads"] == 2


def test_notices_and_a_resumption_are_sent(run, task):
    def train(*_, context, **options):
        context.callback.on_resume(task.case, [])
        context.callback.on_resume(task.case, [RECORD, replace(RECORD, epoch=2)])
        context.callback.on_notice(task.case, "a file was left out")
        return synthetic_result()

    assert run(train) == (
        synthetic_result(),
        [Resumed(replace(RECORD, epoch=2)), Notice(task.case, "a file was left out")],
    )


@pytest.mark.parametrize("is_lost", [False, True])
def test_freed_memory_is_released_at_the_end_unless_the_device_is_lost(is_lost, run, monkeypatch):
    def train(*_, context, **__):
        steps.append(context.shares_memory)
        raise DeviceLostError("run it again", "unknown error") if is_lost else ZeroDivisionError

    steps = []
    monkeypatch.setattr(task_module, "release_freed_memory", steps.append)
    run(train)
    assert steps == [True] + [torch.device("cpu")] * (not is_lost)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (InputError("no space"), "input", "no space"),
        (DeviceLostError("run it again", "CUDA error: unknown error"), "device lost", "cpu lost: CUDA error: unknown"),
        (ZeroDivisionError("a bug"), "training", "ZeroDivisionError: a bug"),
        (SystemExit("a network's"), "training", "SystemExit: a network's"),
    ],
)
def test_an_error_is_sent_as_the_last_message(error, kind, text, run):
    def train(*_, **__):
        raise error

    end, _ = run(train)
    assert isinstance(end, Failure)
    assert end.kind == kind
    assert text in end.error
