"""The engine of ``--cases-per-device``: what it does with the messages and the losses of worker processes."""

from dataclasses import replace

import pytest
import torch

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.errors import InputError, TrainingError
from harness.results.folder import ResultsFolder
from harness.study.engines import make_engine
from harness.study.engines.engine import CaseRequest
from harness.study.engines.local import LocalEngine
from harness.study.engines.shared_device import engine as engine_module
from harness.study.engines.shared_device.task import Failure, Notice, Resumed
from harness.study.engines.shared_device.worker_pool import WorkerLostError
from tests.study.engines.shared_device.fake_pool import FakePool, Recorder, epoch, result

RECIPE = replace(DIGITS, epochs=3, milestones=(2,), batch_size=512)
LOST = WorkerLostError("killed by signal SIGKILL")
NO_DEVICE = Failure("cpu lost: CUDA error: device-side assert triggered", "device lost")


@pytest.fixture
def settings(make_settings):
    return make_settings(full_training=True, cases_per_device="2")


@pytest.fixture
def engine(settings, monkeypatch):
    monkeypatch.setattr(engine_module, "WorkerPool", FakePool)
    engine = make_engine(settings, ResultsFolder(settings.results_dir))
    yield engine
    engine.close()


@pytest.fixture
def experiments(settings):
    return [plan_experiment(settings, "digits", "resnet8", seed, RECIPE) for seed in range(2)]


@pytest.fixture
def run(engine, experiments):
    """Trains the first case by scripts; returns its result, the notices, and the cases that have ended."""

    def train(*scripts, rerun=False):
        engine.prepare(experiments, lambda _: None)
        engine._sized_pool().scripts += scripts
        request = CaseRequest(experiments[0], engine.case(experiments[0]), rerun)
        recorder, ended = Recorder(), []
        try:
            return engine.train(request, recorder, ended.append)[0], recorder.notices, ended
        finally:
            train.ended = ended

    return train


def test_one_case_per_device_and_auto_on_a_cpu(make_settings, engine, experiments):
    local = make_engine(make_settings(cases_per_device="1"), ResultsFolder(make_settings().results_dir))
    assert isinstance(local, LocalEngine)
    engine._asked = "auto"
    engine.prepare(experiments, lambda _: None)
    assert engine.cases_at_once() == 1


def test_the_threads_are_divided_among_the_cases(engine, experiments, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    engine.prepare(experiments, lambda _: None)
    assert (engine._sized_pool().size, engine._sized_pool().threads) == (2, 2)
    assert engine.describe() == "cpu at fp32, 2 cases at once, 2 threads each"
    environment = engine.environment()
    assert (environment["cases_per_device"], environment["threads"]) == (2, 2)


def test_auto_counts_the_cases_of_every_preparation(engine, experiments, monkeypatch):
    seen = []
    monkeypatch.setattr(engine_module, "cases_that_fit", lambda _, cases: seen.append(len(cases)) or 4)
    engine._asked = "auto"
    for group in (experiments[:1], experiments[1:], experiments):
        engine.prepare(group, lambda _: None)
    assert (engine.cases_at_once(), engine.cases_at_once(), seen) == (2, 2, [2])


def test_fewer_cases_than_asked_for_share_all_threads(engine, experiments, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    engine._asked = 8
    engine.prepare(experiments, lambda _: None)
    assert engine.describe() == "cpu at fp32, 2 cases at once, 4 threads each"


def test_processes_that_take_turns_are_a_notice_of_the_training(engine, run, monkeypatch):
    monkeypatch.setattr(engine_module, "mps_notice", lambda _: "processes take turns")
    assert run([result()])[1] == ["processes take turns"]


def test_messages_of_a_worker_become_notices_progress_and_the_result(engine, run):
    made = result()
    script = [Notice(None, "the images moved"), Resumed(epoch(1)), epoch(2), epoch(3), made]
    got, notices, ended = run(script)
    assert (got, notices, [case.seed for case in ended]) == (made, ["the images moved"], [0])
    assert engine.results_so_far() == [made]
    (runner,) = engine._runners.values()
    assert (runner.state.epochs, runner.state.last_record, runner.state.node_id) == (2, epoch(3), None)
    ((task, alone),) = engine._pool.tries
    assert (task.threads, task.settings.cases_per_device, alone) == (engine._pool.threads, None, False)


@pytest.mark.parametrize("lost", [LOST, NO_DEVICE], ids=["killed", "device lost"])
def test_a_case_of_a_lost_process_resumes_in_a_new_one(lost, engine, run):
    made = result()
    got, notices, ended = run([epoch(1), lost], [Resumed(epoch(1)), epoch(2), made], rerun=True)
    assert (got, len(ended)) == (made, 1)
    why = lost.error if isinstance(lost, Failure) else str(lost)
    assert notices == [f"its process was lost ({why}): resuming in a new one"]
    assert [task.rerun for task, _ in engine._pool.tries] == [True, False]
    assert engine.summary() == ["workers of 1 case were lost: 1 time on cpu"]


def test_a_case_that_loses_every_process_fails_after_three(engine, run):
    with pytest.raises(TrainingError, match="its worker was lost 3 times in a row .* cpu .*device-side assert"):
        run([epoch(1), NO_DEVICE], [NO_DEVICE], [epoch(1), NO_DEVICE])
    assert len(run.ended) == 1


def test_a_case_killed_twice_is_tried_again_alone(engine, run):
    made = result()
    got, notices, _ = run([LOST], [LOST], [made], rerun=True)
    assert (got, notices[1:]) == (made, [f"its process was lost ({LOST}): resuming in a new one, alone"])
    tries = [(alone, task.shares_memory, task.rerun) for task, alone in engine._pool.tries]
    assert tries == [(False, True, True), (False, True, True), (True, False, True)]


def test_failures_are_raised_with_the_text_of_the_process(run):
    with pytest.raises(InputError, match="^no space$"):
        run([Failure("no space", "input")])
    assert run.ended == []


def test_a_failed_training_has_the_traceback_of_its_process(run):
    with pytest.raises(TrainingError, match="failed in a process of its own\nTraceback of a bug"):
        run([Failure("Traceback of a bug", "training")])
    assert len(run.ended) == 1


def test_out_of_memory_beside_other_processes_is_tried_again_alone(engine, run):
    """Also if no other case trains: an idle process keeps memory."""
    made = result()
    got, notices, _ = run([result("out_of_memory")], [made])
    assert got == made
    assert notices == ["out of memory beside other processes: it is trained again alone, after them"]
    assert [(alone, task.shares_memory) for task, alone in engine._pool.tries] == [(False, True), (True, False)]


@pytest.mark.parametrize("processes", [1, 2])
def test_out_of_memory_of_a_case_alone_is_its_result(processes, engine, run):
    engine._asked = processes
    got, *_ = run(*[[result("out_of_memory")]] * processes)
    assert got.status == "out_of_memory"
    assert len(engine._pool.tries) == processes


def test_close_ends_the_processes(engine, run):
    run([result()])
    engine.close()
    assert engine._pool.is_ended
