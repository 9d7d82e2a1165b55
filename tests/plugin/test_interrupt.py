import contextlib
import json
import signal
import sys
from unittest.mock import Mock

import pytest

from harness.plugin import pytest_keyboard_interrupt
from tests.plugin.benches import WARNINGS_ARE_ERRORS, results_in


@pytest.mark.slow
def test_a_resumed_case_is_announced_and_keeps_all_its_rounds(bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    train_epoch = FastTrainer.train_epoch

    def stop_in_the_second(self, images, epoch, *arguments):
        if epoch == 1:
            raise KeyboardInterrupt
        return train_epoch(self, images, epoch, *arguments)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(FastTrainer, "train_epoch", stop_in_the_second)
        run = pytester.runpytest_inprocess("--full-training", "-k", "resnet8-seed0", no_reraise_ctrlc=True)
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(
        [
            "interrupted: digits resnet8 seed 0, 1 of 2 epochs done",
            "not finished: digits-resnet8-seed0-full-*, 1 epoch *",
        ]
    )
    run = bench("--full-training", "-k", "resnet8-seed0", "--benchmark-json", "benchmark.json")
    run.assert_outcomes(passed=1, deselected=1)
    run.stdout.fnmatch_lines(
        [
            "1/1 digits resnet8 seed 0: resuming after epoch 1 of 2",
            "*resnet8 seed 0: interrupted after epoch 1, and resumed",
        ]
    )
    (benchmark,) = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]
    assert benchmark["stats"]["rounds"] == 2
    assert benchmark["extra_info"]["interrupted_after"] == [1]
    assert benchmark["extra_info"]["changes_between_attempts"] == []
    run.stdout.no_fnmatch_line("*were finished already*")  # it was started before and is finished now


@pytest.mark.slow
def test_exit_without_a_terminal_is_no_failure_of_the_case(bench, pytester, monkeypatch):
    from harness.plugin.terminal import Terminal
    from harness.training.trainers.fast import FastTrainer

    def stop(*_):
        raise pytest.exit.Exception("enough")

    monkeypatch.setattr(Terminal, "of", lambda _: None)
    monkeypatch.setattr(FastTrainer, "train_epoch", stop)
    bench("--full-training", "-k", "resnet8-seed0")
    assert results_in(pytester) == []


@pytest.mark.slow
def test_a_signal_whose_exception_was_lost_stops_the_run(bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    train_epoch, signals = FastTrainer.train_epoch, [signal.SIGTERM]

    def lose_a_signal(*arguments):
        with contextlib.suppress(KeyboardInterrupt, IndexError):
            signal.raise_signal(signals.pop())
        return train_epoch(*arguments)

    monkeypatch.setattr(FastTrainer, "train_epoch", lose_a_signal)
    run = pytester.runpytest_inprocess("--full-training", no_reraise_ctrlc=True)
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["interrupted: digits resnet8 seed 0, 0 of 2 epochs done"])


def test_a_second_ctrl_c_ends_in_one_line(monkeypatch, capsys):
    others = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: others.append(error))
    pytest_keyboard_interrupt(Mock(value=KeyboardInterrupt()))  # of a session that trains nothing
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert (len(others), capsys.readouterr().err) == (1, "")
    pytest_keyboard_interrupt(Mock(value=KeyboardInterrupt("SIGINT")))
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    sys.excepthook(ValueError, ValueError(), None)
    assert len(others) == 2
    assert capsys.readouterr().err == "\nstopped by a second interrupt; rerun the command to resume\n"


STOPS = {
    "pytest-timeout": pytest.fail.Exception("Timeout (>60.0s) from pytest-timeout."),
    "exit": pytest.exit.Exception("enough"),
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
@pytest.mark.slow
def test_a_rerun_stopped_from_outside_resumes(stop, bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    train_epoch = FastTrainer.train_epoch

    def stop_in_the_second(self, images, epoch, *arguments):
        if epoch == 1:
            raise stop
        return train_epoch(self, images, epoch, *arguments)

    command = ("--full-training", "-k", "resnet8-seed0")
    with monkeypatch.context() as stopped:
        stopped.setattr(FastTrainer, "train_epoch", stop_in_the_second)
        run = bench(*command, "--rerun", *WARNINGS_ARE_ERRORS)
    run.stdout.fnmatch_lines(["interrupted: digits resnet8 seed 0, 1 of 2 epochs done"])
    run.stdout.no_fnmatch_line("*was not used*")
    assert results_in(pytester) == []
    again = bench(*command, "--rerun")
    again.assert_outcomes(passed=1, deselected=1)
    again.stdout.fnmatch_lines(["*resnet8 seed 0: resuming after epoch 1 of 2", "*interrupted after epoch 1, and *"])
