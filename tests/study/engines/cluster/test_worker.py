"""The tasks that run on a node, and what they report."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")

from harness.config.case import Case
from harness.config.data_folder import default_data_dir
from harness.errors import InputError
from harness.private_folder import make_private
from harness.results.checked_files import EPOCHS
from harness.results.folder import FILES
from harness.study.engines.cluster import scratch, worker
from harness.study.engines.cluster.worker import CaseError, EpochReport, NodeBinding, Preparation, Training, difference
from harness.study.engines.task_pickle import pickled
from harness.training import checkpoint
from tests.study.engines.cluster.fake_cluster import NODE_A, RECIPE

CASE = Case("resnet8", "digits", RECIPE, 0, "full", "cpu", "fp32", data_fingerprint="a" * 64)


@pytest.fixture(autouse=True)
def a_node(monkeypatch, tmp_path):
    """This process as a node: its id and name, its scratch folders, its number of threads."""
    context = SimpleNamespace(get_node_id=lambda: NODE_A)
    monkeypatch.setattr(worker.ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(worker, "node_name", lambda node_id: f"node {node_id[:1]}")
    monkeypatch.setattr(scratch, "temporary_folder", lambda: make_private(tmp_path / "machine"))
    monkeypatch.setattr(worker, "_REPORTING_SHARE", 1e9)  # every epoch's report brings its checkpoint
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    worker._machine.cache_clear()


@pytest.fixture
def preparation(settings, experiment, tmp_path):
    return Preparation(settings, tmp_path / "data", (experiment, replace(experiment, seed=1)))


@pytest.fixture
def training(preparation, experiment):
    (binding,) = preparation.run(NODE_A)
    settings, data_dir, case = preparation.settings, preparation.data_dir, binding.bound[0].case
    return Training(
        settings,
        data_dir,
        experiment,
        case,
        rerun=False,
        accept_other_code=False,
        cpus=1,
        checkpoints={},
        command="pytest bench",
    )


def test_preparation_binds_the_experiments_in_order_and_reports_notices(preparation):
    (binding,) = preparation.run(NODE_A)
    assert isinstance(binding, NodeBinding)
    assert (binding.node_id, [bound.case.seed for bound in binding.bound]) == (NODE_A, [0, 1])
    assert binding.bound[0].weight_bytes == binding.bound[1].weight_bytes > 0
    assert binding.notices[0].startswith("loading digits")
    assert preparation.data_dir.is_dir()


def test_a_data_folder_that_cannot_be_made_is_an_error(preparation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"make --data-dir .*file/data .*give a folder that this node can make"):
        list(replace(preparation, data_dir=tmp_path / "file" / "data").run(NODE_A))


def test_the_default_data_folder_is_the_nodes_own(preparation, monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "default_data_dir", lambda: tmp_path / "own")
    list(replace(preparation, data_dir=None).run(NODE_A))
    assert (tmp_path / "own").is_dir()
    assert default_data_dir() != tmp_path / "own"


def test_training_reports_readiness_every_epoch_and_all_files_at_last(training):
    first, *epochs, last = training.run(NODE_A)
    assert first == EpochReport(NODE_A)
    assert [[record.epoch for record in report.records] for report in epochs] == [[1], [2], [3]]
    for report in epochs:
        assert EPOCHS in report.files
        assert any(map(checkpoint.is_part, report.files))
    assert (set(last.files) >= set(FILES), last.records) == (True, ())


def test_training_resumes_from_the_checkpoints_that_came_with_it(training):
    run = training.run(NODE_A)
    reports = [next(run) for _ in range(3)]
    run.close()
    resumed = replace(training, checkpoints=reports[-1].files)
    _, *epochs, _ = resumed.run(NODE_A)
    assert [record.epoch for report in epochs for record in report.records] == [3]


def test_a_report_with_files_waits_until_they_cost_a_small_share_of_time(training, monkeypatch):
    monkeypatch.setattr(worker, "_REPORTING_SHARE", 1e-9)  # after the first epoch, only the last report has files
    reports = list(training.run(NODE_A))
    assert [len(report.records) for report in reports] == [0, 1, 1, 1, 0]
    assert [len(report.files) for report in reports] == [0, 3, 0, 0, 5]


def test_a_worker_that_has_lost_its_gpu_reports_that_and_ends(training, monkeypatch):
    def fail(*_):
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    def end(code):
        raise SystemExit(code)

    monkeypatch.setattr("harness.hardware.lost_device._lost", {})
    monkeypatch.setattr("harness.training.trainers.fast.FastTrainer.train_epoch", fail)
    monkeypatch.setattr(worker.os, "_exit", end)
    run = worker.run(pickled(training, "--engine ray"))
    assert next(run) == EpochReport(NODE_A)
    report = next(run)
    assert report.notices == ("its worker has lost its GPU: CUDA error: unspecified launch failure",)
    assert "result.json" in report.files
    with pytest.raises(SystemExit, match="1"):
        next(run)


def test_a_training_that_fails_still_reports_its_result(training, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("harness.training.trainers.fast.FastTrainer.train_epoch", fail)
    run = training.run(NODE_A)
    assert next(run) == EpochReport(NODE_A)
    assert "result.json" in next(run).files
    with pytest.raises(ZeroDivisionError):
        next(run)


def test_memory_error_records_the_case_instead_of_training_it(training):
    _, last = replace(training, memory_error="killed").run(NODE_A)
    assert b"out_of_memory" in last.files["result.json"].tobytes()
    assert last.records == ()


def test_a_node_that_binds_another_case_refuses_it(training):
    other = replace(training, case=replace(training.case, precision="bf16"))
    with pytest.raises(InputError, match="digits resnet8 seed 0 would be another case there: precision fp32, not bf16"):
        list(other.run(NODE_A))


def refusing(monkeypatch, error):
    def train(self):
        raise error
        yield

    monkeypatch.setattr(worker._ReportedTraining, "_train", train)


def test_run_yields_the_reason_if_the_node_is_unfit(training, monkeypatch):
    error = InputError("cannot write")
    error.__cause__ = OSError(28, "No space left on device")
    refusing(monkeypatch, error)
    assert list(worker.run(pickle.dumps(training)))[-1] == (NODE_A, "cannot write")


def test_run_raises_an_error_of_the_case_itself(training, monkeypatch):
    refusing(monkeypatch, InputError("started by other code"))
    with pytest.raises(CaseError, match="started by other code"):
        list(worker.run(pickle.dumps(training)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"precision": "bf16"}, "precision bf16, not fp32; give --precision fp32 to train on both"),
        ({"device_kind": "cuda", "precision": "bf16"}, "device_kind cuda, not cpu, precision bf16, not fp32"),
        ({"device_kind": "cuda", "compiled": True}, "device_kind cuda, not cpu, compiled True, not False"),
        ({"data_fingerprint": "b" * 64}, "other images (bbbbbbbbbbbb, not aaaaaaaaaaaa)"),
        ({"recipe": replace(RECIPE, learning_rate=0.5)}, "another recipe"),
    ],
)
def test_the_difference_between_two_cases_is_named(changes, says):
    assert difference(CASE, replace(CASE, **changes)) == says
