from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.results.result import Attempt
from harness.training import history as history_module
from harness.training.context import TrainingContext
from harness.training.history import History
from harness.training.job import TrainingJob
from tests.helpers.tiny import CPU, make_case
from tests.training.checkpoints import ATTEMPT, RECORDS, make_checkpoint


@pytest.fixture
def history(tiny_dataset, results):
    """The history of a case that no process has trained yet."""
    job = TrainingJob(make_case(tiny_dataset), tiny_dataset, results, CPU, TrainingContext(command="pytest"))
    return History(job, CoSchedulingMonitor())


def test_new_history_has_one_attempt_and_no_epoch(history):
    (attempt,) = history.attempts
    assert (history.records, history.total_seconds) == ([], 0)
    assert (attempt.first_epoch, attempt.command) == (1, "pytest")
    assert attempt.environment["co_scheduled"] is False
    assert attempt.environment["processes"] == 1


def test_resumed_history_continues_after_the_checkpoints_epochs(history):
    history.resume(make_checkpoint(3))
    assert history.records == list(RECORDS[:3])
    assert [attempt.first_epoch for attempt in history.attempts] == [1, 4]
    assert history.attempts[0] == ATTEMPT


def test_recalled_history_has_no_attempt_of_this_process(history):
    history.take_over(make_checkpoint(3))
    assert history.records == list(RECORDS[:3])
    assert history.attempts == [ATTEMPT]


def test_best_epoch_is_the_first_of_equals(history):
    accuracies = (50.0, 70.0, 70.0)
    history.records = [replace(RECORDS[k], evaluation_accuracy_percent=accuracies[k]) for k in range(3)]
    assert history.best.epoch == 2


def test_update_of_an_attempt_leaves_earlier_attempts_unchanged(history, monkeypatch):
    history.resume(make_checkpoint(1))
    monkeypatch.setattr(history_module.PeakMemory, "bytes", lambda _: 7)
    assert history.record_warm_up(2.5, {"capture": "it raised"}) == ["with all accelerations → without capture"]
    history.update_attempt()
    earlier, last = history.attempts
    assert earlier == ATTEMPT
    assert (last.compile_seconds, last.peak_memory_bytes) == (2.5, 7)
    assert last.environment["switched_off"] == {"capture": "it raised"}
    assert 0 < last.wall_seconds < 60


def test_another_case_on_the_machine_is_recorded(tiny_dataset, results):
    job = TrainingJob(make_case(tiny_dataset), tiny_dataset, results, CPU, TrainingContext())
    with CoSchedulingMonitor() as monitor:
        history = History(job, monitor)
        with CoSchedulingMonitor():
            history.update_attempt()
    assert history.attempts[-1].environment["co_scheduled"] is True


@pytest.mark.parametrize(("model", "notes"), [("timm:resnet18", 1), ("torchvision:resnet18", 0), ("resnet20", 0)])
def test_a_new_version_of_a_networks_library_is_noted(model, notes):
    attempts = [
        Attempt(1, "", {"versions": {"timm": timm, "torchvision": "0.20", "resnet20": timm}}, command="")
        for timm in ("1.0.3", "1.0.9", "1.0.9")
    ]
    history = SimpleNamespace(_job=SimpleNamespace(case=SimpleNamespace(model=model)), attempts=attempts)
    assert History.library_notes(history) == (("resumed with timm 1.0.9 after 1.0.3: its network may differ",) * notes)
