"""One case on the cluster: dispatched, followed, retried, or given up."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
from ray import exceptions

from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.errors import InputError, TrainingError
from harness.study.engines.case_runner import MAX_LOST_WORKERS
from harness.study.engines.cluster import case_runner, worker
from harness.training import checkpoint
from tests.helpers.code import changed_code
from tests.helpers.planted import plant
from tests.helpers.training import outcome
from tests.study.engines.cluster.fake_cluster import (
    NODE_A,
    NODE_B,
    RECIPE,
    Recorder,
    lost_at,
    submit,
    train,
    undisturbed,
)


def nodes_tried(engine):
    return [node_id[0] for _, node_id in engine._cluster.trainings]


def test_a_lost_case_resumes_from_its_last_report_with_the_same_outcome(engine, experiment, tmp_path):
    engine._cluster.faults = [lost_at(3)]
    ended = []
    (result,), recorder = train(engine, experiment, on_end=ended.append)
    assert result.interrupted_after == (2,)
    assert outcome(result.case, engine._results) == undisturbed(engine, experiment, tmp_path)
    assert [len(task.checkpoints) for task, _ in engine._cluster.trainings] == [0, 5]
    line = "its worker on node a was lost (WorkerCrashedError): resuming from its last report"
    assert line in recorder.notices
    assert engine.summary() == ["workers of 1 case were lost: 1 time on a"]
    assert ended == [result.case]
    assert not checkpoint.is_any_left(engine._results.folder(result.case))


@pytest.mark.parametrize("kind", ["pipe", "sparse"])
def test_special_file_among_the_checkpoints_is_not_sent_to_the_node(kind, engine, experiment, monkeypatch):
    monkeypatch.setattr(case_runner, "_OTHER_BYTES", 2**20)
    engine.prepare([experiment], lambda _: None)
    folder = engine._results.folder(engine.case(experiment))
    folder.mkdir(parents=True)
    plant(kind, folder / "checkpoint-00002-1.safetensors")
    (result,), recorder = train(engine, experiment)
    assert result.is_complete
    assert "checkpoint-00002-1.safetensors is damaged: it " in recorder.notices[0]
    assert [list(task.checkpoints) for task, _ in engine._cluster.trainings] == [[]]


def test_a_retry_avoids_the_node_that_lost_the_case(engine, experiment):
    engine._cluster.faults = [lost_at(1)]
    (result,), _ = train(engine, experiment)
    assert result.is_complete
    assert nodes_tried(engine) == ["a", "b"]


def test_a_worker_lost_before_its_first_report_is_retried(engine, experiment):
    engine._cluster.faults = [lost_at(0)]
    (result,), recorder = train(engine, experiment)
    assert result.is_complete
    line = "its worker on an unknown node was lost (WorkerCrashedError): resuming from its last report"
    assert line in recorder.notices
    assert engine.summary() == ["workers of 1 case were lost: 1 time on an unknown node"]


def test_out_of_memory_after_a_lost_worker_keeps_a_valid_result(engine, experiment, monkeypatch):
    def lacks_memory(*_):
        raise torch.OutOfMemoryError("injected")

    def before_training(number, report):
        monkeypatch.setattr("harness.training.run.make_trainer", lacks_memory)
        return report

    engine._cluster.faults = [lost_at(3), before_training]
    (result,), _ = train(engine, experiment)
    assert (result.status, result.epochs) == ("out_of_memory", 2)
    assert engine._results.find(result.case) == result


def test_a_case_that_gets_further_may_be_lost_any_number_of_times(engine, settings):
    experiment = plan_experiment(settings, "digits", "resnet8", 0, replace(RECIPE, epochs=6))
    engine._cluster.faults = [lost_at(2)] * 5
    (result,), _ = train(engine, experiment)
    assert result.interrupted_after == (1, 2, 3, 4, 5)
    assert MAX_LOST_WORKERS < 5


def test_a_quick_case_that_is_always_lost_at_its_end_fails(engine, tmp_path):
    settings = read_settings({"engine": "ray", "device": "cpu", "results_dir": str(tmp_path / "r")})
    quick = plan_experiment(settings, "digits", "resnet8", 0)
    engine._cluster.faults = [lost_at(2)] * 10  # without checkpoints, each time after its first epoch
    with pytest.raises(TrainingError, match="without a further epoch, the last time on node"):
        train(engine, quick)
    assert len(engine._cluster.trainings) == MAX_LOST_WORKERS


def test_a_case_killed_for_its_memory_is_recorded_and_not_retrained(engine, experiment):
    engine._cluster.faults = [lost_at(3, exceptions.OutOfMemoryError("Task was killed due to the node running low"))]
    (result,), _ = train(engine, experiment)
    assert (result.status, result.epochs) == ("out_of_memory", 2)
    assert result.cause.startswith("Task was killed due to the node running low; lower the recipe's batch_size")
    assert len(engine._cluster.trainings) == 2  # the second one only records
    assert checkpoint.is_any_left(engine._results.folder(result.case))  # a larger machine could resume it
    assert len(engine._results.read_epochs(result.case)) == 2


def test_a_case_that_cannot_even_be_recorded_for_lack_of_memory_fails(engine, experiment):
    engine._cluster.faults = [lost_at(1, exceptions.OutOfMemoryError("running low"))] * 2
    with pytest.raises(TrainingError, match=r"resnet8 seed 0 failed on node a\n[^$]*running low"):
        train(engine, experiment)


def test_an_unfit_node_is_named_and_gets_no_more_cases(engine, experiment):
    engine._cluster.faults = [lambda *_: (NODE_A, "it lacks something")]
    (result,), recorder = train(engine, experiment)
    assert result.is_complete
    assert nodes_tried(engine) == ["a", "b"]
    assert "node a gets no cases: it lacks something" in recorder.notices


def test_a_case_without_any_fit_node_names_the_last_reason(engine, experiment):
    engine._cluster.faults = [lambda *_: (NODE_A, "too old"), lambda *_: (NODE_B, "too small")]
    with pytest.raises(InputError, match="no node of the cluster is fit for this case any more; node b: too small"):
        train(engine, experiment)


def test_a_node_with_a_full_disk_gets_no_more_cases(engine, experiment, monkeypatch):
    train_reported = worker._ReportedTraining._train

    def full(self):
        if self._node_id[0] == "a":
            raise InputError("cannot write") from OSError(28, "No space left on device")
        return (yield from train_reported(self))

    monkeypatch.setattr(worker._ReportedTraining, "_train", full)
    (result,), recorder = train(engine, experiment)
    assert result.is_complete
    assert "node a gets no cases: cannot write" in recorder.notices


def test_a_node_that_joined_later_and_binds_another_case_is_unfit(engine, experiment, monkeypatch):
    engine.prepare([experiment], lambda _: None)
    request = case_runner.CaseRequest(experiment, engine.case(experiment), False)
    bind = worker.Machine.case
    monkeypatch.setattr(worker.Machine, "case", lambda self, one: replace(bind(self, one), precision="bf16"))
    with pytest.raises(InputError, match="digits resnet8 seed 0 would be another case there: precision bf16, not fp32"):
        engine.train(request, Recorder(), lambda _: None)


def test_a_failing_case_is_recorded_and_raised_with_the_nodes_traceback(engine, experiment, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("a bug")

    ended = []
    monkeypatch.setattr("harness.training.trainers.fast.FastTrainer.train_epoch", fail)
    with pytest.raises(TrainingError, match="digits resnet8 seed 0 failed on node a\n"):
        train(engine, experiment, on_end=ended.append)
    assert engine._results.find(engine.case(experiment)).status == "failed"
    assert ended == [engine.case(experiment)]


def test_an_error_that_the_driver_cannot_read_is_raised_with_its_node(engine, experiment):
    engine._cluster.faults = [lost_at(1, exceptions.UnserializableException("\x1b[31mOriginal exception: Odd: 1"))]
    with pytest.raises(TrainingError, match=r"resnet8 seed 0 failed on node a\n[^\x1b]*Odd: 1"):
        train(engine, experiment)


def test_a_worker_that_ends_without_a_result_is_an_error(engine, experiment, monkeypatch):
    monkeypatch.setattr(worker._ReportedTraining, "reports", lambda self: iter(()))
    with pytest.raises(TrainingError, match="digits resnet8 seed 0: its worker ended without a result"):
        train(engine, experiment)


def test_a_case_started_by_other_code_is_refused_with_the_nodes_name(engine, make_engine, experiment):
    engine._cluster.faults = [lost_at(2)] + [lost_at(1)] * (MAX_LOST_WORKERS - 1)
    with pytest.raises(TrainingError):
        train(engine, experiment)
    ended = []
    match = r"1 epoch trained by other code, [^$]*models/resnet.py[^$]*on node a"
    with changed_code("models/resnet.py"), pytest.raises(InputError, match=match):
        train(make_engine(), experiment, on_end=ended.append)
    assert ended == []  # a rerun still has to train it


def test_a_failed_try_of_a_rerun_leaves_no_earlier_result(engine, make_engine, experiment):
    (result,), _ = train(engine, experiment)
    again = make_engine()
    again._cluster.faults = [lost_at(2)] + [lost_at(1)] * MAX_LOST_WORKERS
    with pytest.raises(TrainingError):
        train(again, experiment, rerun=True)
    assert not (engine._results.folder(result.case) / "result.json").exists()
    assert checkpoint.is_any_left(engine._results.folder(result.case))


def test_a_case_held_by_another_process_is_waited_for_and_read(engine, make_engine, experiment, tmp_path):
    engine.prepare([experiment], lambda _: None)
    case, place = engine.case(experiment), tmp_path / "elsewhere"
    release = engine._results.lock(case)
    (request,) = submit(engine, experiment)

    class Releasing(Recorder):
        def on_notice(self, case, text):
            super().on_notice(case, text)
            train(make_engine(place), experiment)
            for path in sorted((place / case.folder_name).glob("*"), reverse=True):
                if path.name[0] != ".":
                    path.rename(engine._results.folder(case) / path.name)
            release()

    recorder = Releasing()
    result, _ = engine.train(request, recorder, lambda _: None)
    assert recorder.notices == ["another process holds this case: waiting for it"]
    assert result.is_complete
    assert len(engine._cluster.trainings) == 1
    assert len(engine._cluster.cancelled) == 1
