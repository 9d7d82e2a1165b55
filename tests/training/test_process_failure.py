import json

import pytest
import torch

from harness.errors import InputError
from harness.training import process_failure
from harness.training.process_failure import Failure, ProcessLostError, abort_on_failure, agree_on_failure
from harness.training.trainers.data_parallel import DataParallelTrainer
from tests.helpers.rank_threads import SharedState, train_in_threads
from tests.helpers.tiny import make_case


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("fell out\nand more"), Failure("error", "process 1: fell out")),
        (ValueError(), Failure("error", "process 1: ValueError")),
        (torch.OutOfMemoryError("8 EiB"), Failure("memory", "process 1: 8 EiB")),
        (KeyboardInterrupt(), Failure("stop", "process 1 was asked to stop")),
    ],
)
def test_own_failure_names_the_process_and_the_error(error, expected):
    assert agree_on_failure(error, "process 1", SharedState(2)) == expected


def test_all_ranks_report_the_first_failure():
    shared = SharedState(2)
    first = agree_on_failure(RuntimeError("fell out"), "process 1", shared)
    assert agree_on_failure(RuntimeError("then this"), "process 0", shared) == first
    assert agree_on_failure(ProcessLostError("connection closed"), "process 2", shared) == first


GLOO_ERROR = "[/__w/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]:2"


@pytest.mark.parametrize("error", [ProcessLostError("connection closed"), RuntimeError(GLOO_ERROR)])
def test_a_lost_process_without_a_recorded_failure_is_named_as_gone(error, monkeypatch):
    monkeypatch.setattr(process_failure, "_CAUSE_SECONDS", 0.0)
    failure = agree_on_failure(error, "process 0", SharedState(2))
    assert failure == Failure("lost", "another process of the group is gone")


def test_without_a_store_a_process_reports_its_own_failure():
    class Gone:
        def compare_set(self, *_):
            raise RuntimeError("the store is gone")

    assert agree_on_failure(ValueError("x"), "process 1", Gone()) == Failure("error", "process 1: x")


@pytest.mark.parametrize(
    ("kind", "error"),
    [("memory", MemoryError), ("stop", KeyboardInterrupt), ("lost", ProcessLostError), ("error", ProcessLostError)],
)
def test_other_ranks_raise_the_error_of_the_failures_kind(kind, error):
    raised = Failure(kind, "process 1: 8 EiB").to_error()
    assert (type(raised), str(raised)) == (error, "process 1: 8 EiB")


def test_exchanges_on_the_gpu_are_aborted_only_after_a_failure(monkeypatch):
    aborted, seen = [], []
    shared = SharedState(2)
    monkeypatch.setattr(process_failure, "abort", aborted.append)

    def fail_later(_):
        seen.append(list(aborted))
        if len(seen) == 3:
            shared.compare_set("failure", "", json.dumps(["error", "process 1: x"]))

    monkeypatch.setattr(process_failure.time, "sleep", fail_later)
    abort_on_failure("the NCCL group", shared)
    assert seen == [[], [], []]
    assert aborted == ["the NCCL group"]


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize(
    ("error", "status"), [(torch.OutOfMemoryError("8 EiB"), "out_of_memory"), (RuntimeError("fell out"), "failed")]
)
def test_failure_on_one_rank_is_recorded_and_no_rank_waits(failing, error, status, tiny_dataset, results, monkeypatch):
    step, steps = DataParallelTrainer.step, []

    def fail(self, batch, labels):
        if self._processes.rank == failing:
            steps.append(1)
            if len(steps) == 6:
                raise error
        step(self, batch, labels)

    monkeypatch.setattr(DataParallelTrainer, "step", fail)
    case = make_case(tiny_dataset)
    outcomes = train_in_threads(3, case, tiny_dataset, results)
    assert results.find(case).status == status
    assert f"process {failing} of 3" in results.find(case).cause or failing == 0
    assert str(error) in results.find(case).cause
    assert all(isinstance(one, Exception) for one in outcomes[1:])
    monkeypatch.undo()
    assert train_in_threads(3, case, tiny_dataset, results)[0].is_complete
    assert results.find(case).interrupted_after == (1,)


def test_input_error_while_training_is_raised_on_all_ranks(tiny_dataset, results, monkeypatch):
    def refuse(*_):
        raise InputError("no room")

    monkeypatch.setattr(results, "write_epochs", refuse)
    outcomes = train_in_threads(2, make_case(tiny_dataset), tiny_dataset, results)
    assert [(type(one), str(one)) for one in outcomes] == [(InputError, "no room")] * 2
