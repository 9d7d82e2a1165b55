"""The check of two processes, seen to fail; the processes are threads."""

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


class LostProcess:
    """A process that fails as soon as it starts."""

    exitcode = 1

    def __init__(self, target, args):
        self.start = self.kill = lambda: None
        self.join = lambda timeout=None: None


def test_a_process_that_fails_is_named_by_its_exit_code(subject, monkeypatch, tmp_path):
    monkeypatch.setattr(processes.multiprocessing, "get_context", lambda name: SimpleNamespace(Process=LostProcess))
    with pytest.raises(RuntimeError, match=r"exit codes \[1, 1\]"):
        processes.weights_of_two(subject, str(tmp_path))
