"""The check of two processes, seen to fail; the processes are threads."""

import multiprocessing
from types import SimpleNamespace

import pytest

from harness.results.folder import ResultsFolder
from harness.throughput.doctor import processes
from harness.throughput.doctor.processes import two_processes_equal_one
from harness.throughput.doctor.runs import final_weights
from tests.helpers.rank_threads import RankThread, train_in_threads


def _weights_of_threads(subject, folder):
    results = ResultsFolder(folder)
    result, _ = train_in_threads(2, subject.case_with(), subject.dataset, results)
    return final_weights(results, result)


@pytest.fixture
def threads(monkeypatch):
    monkeypatch.setattr(processes, "weights_of_two", _weights_of_threads)


@pytest.mark.usefixtures("threads")
def test_two_processes_that_train_as_one_does_pass(subject):
    outcome = two_processes_equal_one(subject)
    assert outcome.status == "passed"
    assert outcome.text.endswith("by gloo on the CPU")


@pytest.mark.usefixtures("threads")
def test_processes_that_do_not_sum_their_gradients_fail(subject, monkeypatch):
    monkeypatch.setattr(RankThread, "all_reduce", lambda self, tensor: tensor)
    assert two_processes_equal_one(subject).status == "failed"


@pytest.mark.slow
def test_real_processes_train_as_one_does(subject):
    assert two_processes_equal_one(subject).status == "passed"


@pytest.fixture
def exit_codes(monkeypatch):
    """The exit codes of the processes by rank, None for one that hangs, and what is done to those."""
    codes, done = [None, None], []

    class Process:
        def __init__(self, target, args):
            self.exitcode = codes[args[0]]
            self.sentinel, self._end = multiprocessing.Pipe()
            if self.exitcode is not None:
                self._end.close()
            self.start = lambda: None
            self.kill = lambda: done.append("kill")
            self.join = lambda timeout=None: done.append("join")

    monkeypatch.setattr(processes.multiprocessing, "get_context", lambda name: SimpleNamespace(Process=Process))
    return codes, done


def test_a_process_that_fails_is_named_and_ends_the_other(subject, exit_codes, tmp_path):
    codes, done = exit_codes
    codes[1] = 1
    with pytest.raises(RuntimeError, match=r"exit codes \[None, 1\] \(None: stopped, after 0 s\)"):
        processes.weights_of_two(subject, str(tmp_path))
    assert done == ["kill", "join"] * 2  # without waiting for the one that hangs


def test_processes_that_hang_are_stopped_after_a_time(subject, exit_codes, monkeypatch, tmp_path):
    monkeypatch.setattr(processes, "_MOST_SECONDS", 0.05)
    exit_codes[0][0] = 0
    with pytest.raises(RuntimeError, match=r"exit codes \[0, None\]"):
        processes.weights_of_two(subject, str(tmp_path))
