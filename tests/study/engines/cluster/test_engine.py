"""The driver's side of a sweep, with the nodes' side run in this process and the faults made up."""

import asyncio
import pickle
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("ray", reason="needs Ray: pip install 'wider-or-deeper[ray]'")
from ray import exceptions

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.config.settings import read_settings
from harness.data import registry
from harness.errors import InputError, TrainingError
from harness.results.folder import ResultsFolder
from harness.study.engines.cluster import engine as sweep
from harness.study.engines.cluster import worker
from harness.study.engines.cluster.connection import Share
from harness.study.engines.cluster.engine import MOST_LOSSES, RayEngine
from harness.study.engines.cluster.worker import Training
from harness.study.engines.engine import CaseRequest
from harness.training import checkpoint, environment
from harness.training.callback import TrainingCallback
from harness.training.train import train as train_here
from tests.helpers.training import outcome

RECIPE = replace(DIGITS, epochs=3, milestones=(2,), batch_size=512)
NODES = {"a" * 8: {"CPU": 2.0}, "b" * 8: {"CPU": 2.0}}
LOST = exceptions.WorkerCrashedError()


class FakeCluster:
    """Runs errands in this process. `faults` are of the trainings to come: each a function of what was reported so far,
    that may return another report or raise."""

    def __init__(self, address):
        self.is_own = address is None
        self.nodes = dict(NODES)
        self.faults, self.trainings, self.cancelled, self.running, self.is_closed = [], [], [], [], False

    def name(self, node_id):
        return f"node {node_id[:1]}"

    def share(self, settings):
        return Share(1, 1, 0.0)

    def describe(self):
        return "a cluster"

    def run(self, task, share, *, on=None, not_on=frozenset()):
        node_id = on or next(one for one in self.nodes if one not in not_on)
        fault = None
        if isinstance(task, Training):
            self.trainings.append((task, node_id))
            fault = self.faults.pop(0) if self.faults else None
        return self._reports(pickle.loads(pickle.dumps(task)), node_id, fault)

    async def _reports(self, task, node_id, fault):
        threads, reports = torch.get_num_threads(), task.run(node_id)
        self.running.append(reports)
        try:
            for number, report in enumerate(reports):
                await asyncio.sleep(0)
                yield _said(fault(number, report) if fault else report)
        except InputError as error:
            if isinstance(error, worker.CaseError):
                raise exceptions.RayTaskError("attend", "traceback", error) from error
            yield _said((node_id, str(error)))
        except (exceptions.RayError, asyncio.CancelledError):
            raise
        except Exception as error:
            raise exceptions.RayTaskError("attend", "the traceback of there", error) from error
        finally:
            torch.set_num_threads(threads)

    def cancel(self, task):
        self.cancelled.append(task)

    def close(self):
        self.is_closed = True
        for reports in self.running:  # what a killed process would leave to the system
            reports.close()


async def _said(what):
    return what


def lost_at(report_number, error=LOST):
    def fault(number, report):
        if number == report_number:
            raise error
        return report

    return fault


@pytest.fixture
def settings(tmp_path):
    folders = {"results_dir": str(tmp_path / "r"), "report_dir": str(tmp_path / "p")}
    return read_settings({"engine": "ray", "device": "cpu", "full_training": True} | folders, {})


@pytest.fixture
def engine(settings, monkeypatch):
    monkeypatch.setattr(sweep, "Cluster", FakeCluster)
    monkeypatch.setattr(worker, "node_name", lambda node_id: f"node {node_id[:1]}")
    monkeypatch.setattr(sweep, "_LOCK_SECONDS", 0.01)
    monkeypatch.setattr(worker, "_REPORTING_SHARE", 1e9)  # every epoch brings its checkpoint
    engine = RayEngine(settings, ResultsFolder(settings.results_dir))
    yield engine
    engine.close()


@pytest.fixture
def experiment(settings):
    return plan_experiment(settings, "digits", "resnet8", 0, RECIPE)


class Told(TrainingCallback):
    def __init__(self):
        self.notices, self.states = [], []

    def on_notice(self, case, text):
        self.notices.append(text)

    def on_sweep(self, state):
        self.states.append(state())


def train(engine, *experiments, rerun=False, over=None):
    """Their results, and what was told."""
    engine.prepare(experiments, lambda _: None)
    requests = [CaseRequest(one, engine.case(one), rerun) for one in experiments]
    on_over = (over if over is not None else []).append
    engine.submit(requests, on_over)
    told = Told()
    return [engine.result(request, told, on_over) for request in requests], told


def undisturbed(engine, experiment, tmp_path):
    """What the case comes to where nothing happens."""
    results, threads = ResultsFolder(tmp_path / "undisturbed"), torch.get_num_threads()
    torch.set_num_threads(1)
    dataset = registry.load("digits", tmp_path)
    train_here(engine.case(experiment), dataset, results, torch.device("cpu"))
    torch.set_num_threads(threads)
    return outcome(engine.case(experiment), results)


def test_a_lost_case_goes_on_from_its_last_report_and_comes_to_the_same(engine, experiment, tmp_path):
    engine._cluster.faults = [lost_at(3)]
    over = []
    (result,), told = train(engine, experiment, over=over)
    assert result.interrupted_after == (2,)
    assert outcome(result.case, engine._results) == undisturbed(engine, experiment, tmp_path)
    assert [len(task.checkpoints) for task, _ in engine._cluster.trainings] == [0, 5]
    assert "its worker on node node a was lost (WorkerCrashedError): going on from its last report" in told.notices
    assert engine.summary() == ["workers of 1 case were lost: 1 time on node a"]
    assert over == [result.case]
    assert not checkpoint.is_any_left(engine._results.folder(result.case))


def test_a_node_that_keeps_losing_cases_does_not_get_the_same_one_again(engine, experiment):
    engine._cluster.faults = [lost_at(1)]
    (result,), _ = train(engine, experiment)
    assert result.is_complete
    assert [node_id[0] for _, node_id in engine._cluster.trainings] == ["a", "b"]


def test_a_lost_case_that_lacks_memory_when_it_goes_on_has_a_result_to_be_trusted(engine, experiment, monkeypatch):
    def lacks_memory(*_):
        raise torch.OutOfMemoryError("injected")

    def before_it_begins(number, report):
        monkeypatch.setattr("harness.training.run.make_trainer", lacks_memory)
        return report

    engine._cluster.faults = [lost_at(3), before_it_begins]
    (result,), _ = train(engine, experiment)
    assert (result.status, result.epochs) == ("out_of_memory", 2)
    assert engine._results.find(result.case) == result


def test_as_long_as_epochs_are_finished_a_case_may_be_lost_any_number_of_times(engine, settings):
    experiment = plan_experiment(settings, "digits", "resnet8", 0, replace(RECIPE, epochs=6))
    engine._cluster.faults = [lost_at(2)] * 5
    (result,), _ = train(engine, experiment)
    assert result.interrupted_after == (1, 2, 3, 4, 5)
    assert MOST_LOSSES < 5


def test_a_case_that_is_lost_without_an_epoch_in_between_is_given_up_and_others_are_not(engine, settings, experiment):
    other = plan_experiment(settings, "digits", "resnet8", 1, RECIPE)
    engine.prepare([experiment, other], lambda _: None)
    requests = [CaseRequest(one, engine.case(one), False) for one in (experiment, other)]
    engine._cluster.faults = [lost_at(1)] * MOST_LOSSES
    engine.submit(requests[:1], lambda _: None)
    with pytest.raises(TrainingError, match="was lost 3 times in a row without getting further, the last"):
        engine.result(requests[0], Told(), lambda _: None)
    engine.submit(requests[1:], lambda _: None)
    assert engine.result(requests[1], Told(), lambda _: None).is_complete
    assert [result.seed for result in engine.results_so_far()] == [1]


def test_a_case_without_checkpoints_that_is_always_lost_at_its_end_is_given_up(engine, tmp_path):
    settings = read_settings({"engine": "ray", "device": "cpu", "results_dir": str(tmp_path / "r")}, {})
    quick = plan_experiment(settings, "digits", "resnet8", 0)
    engine._cluster.faults = [lost_at(2)] * 10  # each time after it has finished its first epoch again
    with pytest.raises(TrainingError, match="without getting further"):
        train(engine, quick)
    assert len(engine._cluster.trainings) == MOST_LOSSES


def test_a_case_that_its_node_killed_for_lack_of_memory_is_recorded_and_not_tried_again(engine, experiment):
    engine._cluster.faults = [lost_at(3, exceptions.OutOfMemoryError("Task was killed due to the node running low"))]
    (result,), _ = train(engine, experiment)
    assert (result.status, result.epochs) == ("out_of_memory", 2)
    assert result.cause.startswith("Task was killed due to the node running low; lower the recipe's batch_size")
    assert len(engine._cluster.trainings) == 2  # the second one only records
    assert checkpoint.is_any_left(engine._results.folder(result.case))  # another time it may do
    assert len(engine._results.read_epochs(result.case)) == 2


def test_a_node_that_refuses_is_named_and_given_no_more(engine, experiment):
    def refuse(number, report):
        return "a" * 8, "it lacks something"

    engine._cluster.faults = [refuse]
    (result,), told = train(engine, experiment)
    assert result.is_complete
    assert [node_id[0] for _, node_id in engine._cluster.trainings] == ["a", "b"]
    assert "node node a is given no case: it lacks something" in told.notices


def test_when_no_node_is_left_the_case_says_why(engine, experiment):
    engine._cluster.faults = [lambda *_: ("a" * 8, "too old"), lambda *_: ("b" * 8, "too small")]
    with pytest.raises(InputError, match="no node of the cluster is left that is fit; node b: too small"):
        train(engine, experiment)


def test_a_finished_case_is_read_and_not_sent_anywhere(engine, experiment):
    (first,), _ = train(engine, experiment)
    again = RayEngine(engine._settings, engine._results)
    (second,), _ = train(again, experiment)
    again.close()
    assert second.finished_at == first.finished_at
    assert again._cluster.trainings == []


def test_a_rerun_trains_what_is_finished(engine, experiment):
    (first,), _ = train(engine, experiment)
    again = RayEngine(engine._settings, engine._results)
    (second,), _ = train(again, experiment, rerun=True)
    again.close()
    assert second.finished_at > first.finished_at
    assert len(second.attempts) == 1


def test_what_was_changed_on_its_way_is_not_kept(engine, experiment):
    def flip(number, report):
        if not report.files:
            return report
        files = {name: np.array(content) for name, content in report.files.items()}
        for name, content in files.items():
            if name.startswith("checkpoint") and name.endswith(".safetensors"):
                content[content.size // 2] ^= 1
        return replace(report, files=files)

    engine._cluster.faults = [flip]
    with pytest.raises(InputError, match="was damaged on its way here"):
        train(engine, experiment)
    assert not list(engine._results.root.glob("*/checkpoint-*.safetensors"))


def test_a_case_whose_report_cannot_be_kept_is_stopped_on_its_node(engine, experiment, monkeypatch):
    def full(*_):
        raise InputError("cannot write results: no space")

    monkeypatch.setattr(sweep, "_keep", full)
    with pytest.raises(InputError, match="no space"):
        train(engine, experiment)
    assert len(engine._cluster.cancelled) == 1


def test_an_error_that_cannot_be_read_here_is_told_with_the_node(engine, experiment):
    engine._cluster.faults = [lost_at(1, exceptions.UnserializableException("Original exception: Odd: 1"))]
    with pytest.raises(TrainingError, match=r"resnet8 seed 0 failed on node node a\n[^$]*Odd: 1"):
        train(engine, experiment)


def test_a_result_that_does_not_vouch_for_what_came_with_it_is_not_kept(engine, experiment):
    def flip(number, report):
        if "predictions.npz" not in report.files:
            return report
        files = {name: np.array(content) for name, content in report.files.items()}
        files["predictions.npz"][0] ^= 1
        return replace(report, files=files)

    engine._cluster.faults = [flip]
    with pytest.raises(InputError, match=r"predictions\.npz is not the file that it vouches for"):
        train(engine, experiment)
    assert not list(engine._results.root.glob("*/result.json"))


def test_what_other_code_began_is_refused_and_the_node_named(engine, experiment, monkeypatch):
    engine._cluster.faults = [lost_at(2)] + [lost_at(1)] * (MOST_LOSSES - 1)
    with pytest.raises(TrainingError):
        train(engine, experiment)
    monkeypatch.setattr("harness.training.code_version.training_code_version", lambda: "another")
    again = RayEngine(engine._settings, engine._results)
    with pytest.raises(InputError, match=r"1 epoch trained by another version of the code[^$]*on node node a"):
        train(again, experiment)
    again.close()
    assert environment.training_code_version() != "another"


def test_where_another_process_is_at_a_case_its_result_is_waited_for(engine, experiment, tmp_path):
    engine.prepare([experiment], lambda _: None)
    case = engine.case(experiment)
    release = engine._results.lock(case)
    request = CaseRequest(experiment, case, False)
    engine.submit([request], lambda _: None)
    told = Told()

    class Releasing(Told):
        def on_notice(self, case, text):
            told.notices.append(text)
            other = RayEngine(engine._settings, ResultsFolder(tmp_path / "elsewhere"))
            train(other, experiment)
            other.close()
            for path in sorted((tmp_path / "elsewhere" / case.folder_name).glob("*"), reverse=True):
                if path.name[0] != ".":
                    path.rename(engine._results.folder(case) / path.name)
            release()

    result = engine.result(request, Releasing(), lambda _: None)
    assert told.notices == ["another process is at this case: waiting for it"]
    assert result.is_complete
    assert len(engine._cluster.trainings) == 1
    assert len(engine._cluster.cancelled) == 1


def test_what_fails_is_recorded_and_raised_with_the_nodes_traceback(engine, experiment, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("harness.training.trainers.fast.FastTrainer.train_epoch", fail)
    with pytest.raises(TrainingError, match="digits resnet8 seed 0 failed on node node a\n"):
        train(engine, experiment)
    assert engine._results.find(engine.case(experiment)).status == "failed"


def test_closing_cancels_what_is_outstanding_and_leaves_the_cluster(engine, experiment):
    has_begun = threading.Event()

    def notify(number, report):
        if number == 1:
            has_begun.set()
        return report

    long = replace(experiment, recipe=replace(RECIPE, epochs=1000))
    engine._cluster.faults = [notify]
    engine.prepare([long], lambda _: None)
    engine.submit([CaseRequest(long, engine.case(long), False)], lambda _: None)
    has_begun.wait()
    engine.close()
    assert engine._cluster.is_closed
    assert len(engine._cluster.cancelled) == 1
    assert engine.results_so_far() == []
    assert checkpoint.is_any_left(engine._results.folder(engine.case(long)))


def test_closing_lets_go_of_a_case_only_when_what_came_of_it_is_written(engine, experiment, monkeypatch):
    has_begun, was_locked = threading.Event(), []

    def slow(results, case, *_):
        has_begun.set()
        time.sleep(0.5)
        was_locked.append(results.lock(case) is None)

    monkeypatch.setattr(sweep, "_keep", slow)
    engine.prepare([experiment], lambda _: None)
    engine.submit([CaseRequest(experiment, engine.case(experiment), False)], lambda _: None)
    has_begun.wait()
    engine.close()
    assert was_locked == [True]


def test_nodes_that_would_make_another_case_of_it_are_given_none(engine, experiment, monkeypatch):
    bind = worker.Preparation.run

    def other_images(self, node_id):
        for binding in bind(self, node_id):
            if node_id[0] == "b":
                changed = tuple(
                    replace(one, case=replace(one.case, data_fingerprint="f" * 64)) for one in binding.bound
                )
                binding = replace(binding, bound=changed)
            yield binding

    monkeypatch.setattr(worker.Preparation, "run", other_images)
    engine._cluster.nodes["c" * 8] = {"CPU": 2.0}
    told = []
    engine.prepare([experiment], told.append)
    (line,) = (line for line in told if "is given no case" in line)
    assert line.startswith(
        "node node b is given no case: digits resnet8 seed 0 would be another case there: other images"
    )
    assert list(engine._unfit) == ["b" * 8]


def test_where_no_node_is_fit_all_reasons_are_told(engine, experiment, monkeypatch):
    def lacks(self, node_id):
        raise InputError(f"{node_id[0]} has no data")
        yield

    monkeypatch.setattr(worker.Preparation, "run", lacks)
    with pytest.raises(InputError, match=r"no node of the cluster is fit[^$]*a has no data\nnode node b: b has"):
        engine.prepare([experiment], lambda _: None)


def test_a_node_that_fails_without_words_is_named_by_the_kind_of_error(engine, experiment, monkeypatch):
    bind = worker.Preparation.run

    def fails_on_a(self, node_id):
        if node_id[0] == "a":
            raise MemoryError
        yield from bind(self, node_id)

    monkeypatch.setattr(worker.Preparation, "run", fails_on_a)
    told = []
    engine.prepare([experiment], told.append)
    assert "node node a is given no case: MemoryError" in told


def test_how_far_all_cases_are_is_told(engine, settings):
    experiments = [plan_experiment(settings, "digits", "resnet8", seed, RECIPE) for seed in range(2)]
    results, told = train(engine, *experiments)
    assert [result.seed for result in results] == [0, 1]
    assert all(state.cases == 2 for state in told.states)


def test_every_report_that_has_files_costs_a_share_of_the_time(engine, experiment, monkeypatch):
    monkeypatch.setattr(worker, "_REPORTING_SHARE", 1e-9)  # after the first, none but the last
    reported = []

    def note(number, report):
        reported.append((len(report.records), sorted(report.files)))
        return report

    engine._cluster.faults = [note]
    train(engine, experiment)
    records, files = zip(*reported, strict=True)
    assert records == (0, 1, 1, 1, 0)
    assert [len(names) for names in files] == [0, 3, 0, 0, 4]


def test_what_a_killed_worker_left_on_its_node_is_removed_and_what_is_in_use_is_not(tmp_path):
    (tmp_path / "left").mkdir()
    (tmp_path / "left/checkpoint-00001-1.safetensors").write_text("")
    (tmp_path / "left.lock").write_text("")
    with worker.scratch_folder(tmp_path) as first:
        assert not (tmp_path / "left").exists()
        with worker.scratch_folder(tmp_path) as second:
            assert first.is_dir()
            assert second != first
    assert list(tmp_path.iterdir()) == []


def test_while_there_is_no_node_what_is_wanted_waits_in_the_cluster(engine, experiment, monkeypatch):
    nodes, told, wanted = engine._cluster.nodes, [], []
    engine._cluster.nodes = {}
    run = engine._cluster.run

    def noted(task, share, **where):
        if not where.get("on"):
            wanted.append(task)
        return run(task, share, on="a" * 8)

    def come(_):
        engine._cluster.nodes = nodes

    monkeypatch.setattr(engine._cluster, "run", noted)
    monkeypatch.setattr(sweep.time, "sleep", come)
    engine.prepare([experiment], told.append)
    assert told[0] == "waiting for a node with 1 CPU: a cluster has none such"
    assert [task.experiments for task in wanted] == [()]
    assert len(engine._cluster.cancelled) == 1


def test_a_node_whose_disk_is_full_is_given_no_more(engine, experiment, monkeypatch):
    begin = worker._CaseInTraining._train

    def full(self):
        if self._node_id[0] == "a":
            raise InputError("cannot write") from OSError(28, "No space left on device")
        return (yield from begin(self))

    monkeypatch.setattr(worker._CaseInTraining, "_train", full)
    (result,), told = train(engine, experiment)
    assert result.is_complete
    assert "node node a is given no case: cannot write" in told.notices


def test_checkpoints_left_beside_a_finished_result_are_removed(engine, experiment):
    (result,), _ = train(engine, experiment)
    left = engine._results.folder(result.case) / "checkpoint-00003-1.safetensors"
    left.write_bytes(b"left by a kill")
    again = RayEngine(engine._settings, engine._results)
    train(again, experiment)
    again.close()
    assert not left.exists()


def test_a_later_checkpoint_that_a_node_could_not_go_on_with_is_set_aside(engine, experiment):
    engine.prepare([experiment], lambda _: None)
    folder = engine._results.folder(engine.case(experiment))
    folder.mkdir(parents=True)
    (folder / "checkpoint-00099-7.safetensors").write_bytes(b"damaged")
    (folder / "checkpoint-00099-7.safetensors.sha256").write_text("0" * 64)
    engine._cluster.faults = [lost_at(3)]
    (result,), told = train(engine, experiment)
    assert result.interrupted_after == (2,)
    assert (folder / "checkpoint-00099-7.safetensors.refused").exists()
    assert any("checkpoint-00099-7.safetensors is damaged" in text for text in told.notices)


def test_a_rerun_that_has_begun_leaves_no_earlier_result_beside_it(engine, experiment):
    (result,), _ = train(engine, experiment)
    again = RayEngine(engine._settings, engine._results)
    again._cluster.faults = [lost_at(2)] + [lost_at(1)] * MOST_LOSSES
    with pytest.raises(TrainingError):
        train(again, experiment, rerun=True)
    again.close()
    assert not (engine._results.folder(result.case) / "result.json").exists()
    assert checkpoint.is_any_left(engine._results.folder(result.case))


def test_a_node_that_came_later_and_would_make_another_case_of_it_refuses(engine, experiment, monkeypatch):
    engine.prepare([experiment], lambda _: None)
    request = CaseRequest(experiment, engine.case(experiment), False)
    bind = worker.Machine.case
    monkeypatch.setattr(worker.Machine, "case", lambda self, one: replace(bind(self, one), precision="bf16"))
    engine.submit([request], lambda _: None)
    with pytest.raises(InputError, match="digits resnet8 seed 0 would be another case there: precision bf16, not fp32"):
        engine.result(request, Told(), lambda _: None)
