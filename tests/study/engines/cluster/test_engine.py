"""The Ray engine: all cases at once, their results, progress and end."""

import threading
from dataclasses import replace

import pytest

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")

from harness.config.experiment import plan_experiment
from harness.config.standard import Standard
from harness.errors import InputError, TrainingError
from harness.results.folder import ResultsFolder
from harness.study.engines.cluster import engine as engine_module
from harness.study.engines.cluster.engine import RayEngine
from harness.study.study import Study
from harness.study.tuning import Tuning
from harness.training import checkpoint
from tests.data.builders import write_class_folders
from tests.study.engines.cluster.fake_cluster import RECIPE, FakeCluster, Recorder, lost_at, submit, train


@pytest.fixture
def two_seeds(settings):
    return [plan_experiment(settings, "digits", "resnet8", seed, RECIPE) for seed in range(2)]


def test_a_finished_case_is_read_and_sent_to_no_node(engine, make_engine, experiment):
    (first,), _ = train(engine, experiment)
    again = make_engine()
    (second,), _ = train(again, experiment)
    assert second.finished_at == first.finished_at
    assert again._cluster.trainings == []


def test_rerun_trains_a_finished_case(engine, make_engine, experiment):
    (first,), _ = train(engine, experiment)
    (second,), _ = train(make_engine(), experiment, rerun=True)
    assert second.finished_at > first.finished_at
    assert len(second.attempts) == 1


def test_train_returns_the_epoch_records_with_the_result(engine, experiment):
    (request,) = submit(engine, experiment)
    result, records = engine.train(request, Recorder(), lambda _: None)
    assert result.is_complete
    assert [record.epoch for record in records] == [1, 2, 3]


def test_train_starts_a_case_that_was_not_submitted(engine, experiment, two_seeds):
    engine.prepare([experiment], lambda _: None)
    other = engine_module.CaseRequest(two_seeds[1], engine.case(two_seeds[1]), False)
    assert engine.train(other, Recorder(), lambda _: None)[0].seed == 1


def test_one_case_that_fails_leaves_others_and_their_results_alone(engine, two_seeds):
    engine._cluster.faults = [lost_at(1)] * 3
    first, second = two_seeds
    (request,) = submit(engine, first)
    with pytest.raises(TrainingError, match="was lost 3 times in a row without a further epoch, the last"):
        engine.train(request, Recorder(), lambda _: None)
    assert train(engine, second)[0][0].is_complete
    assert [result.seed for result in engine.results_so_far()] == [1]


def test_the_progress_of_all_cases_is_reported(engine, two_seeds):
    results, recorder = train(engine, *two_seeds)
    assert [result.seed for result in results] == [0, 1]
    assert all(progress.cases == 2 for progress in recorder.progress)


def test_seeds_share_one_binding_and_differ_in_nothing_else(engine, two_seeds):
    engine.prepare(two_seeds, lambda _: None)
    first, second = map(engine.case, two_seeds)
    assert (first.seed, second.seed) == (0, 1)
    assert replace(second, seed=0) == first
    assert engine.weight_bytes(two_seeds[0]) == engine.weight_bytes(two_seeds[1]) > 0
    assert len(engine._bound) == 1


def test_a_request_to_stop_interrupts_the_wait_for_a_result(engine, experiment):
    class Stopping(Recorder):
        def should_stop(self):
            return True

    (request,) = submit(engine, replace(experiment, recipe=replace(RECIPE, epochs=1000)))
    with pytest.raises(KeyboardInterrupt):
        engine.train(request, Stopping(), lambda _: None)


def test_close_cancels_outstanding_cases_and_leaves_the_cluster(engine, experiment):
    has_begun = threading.Event()

    def note(number, report):
        if number == 1:
            has_begun.set()
        return report

    engine._cluster.faults = [note]
    (request,) = submit(engine, replace(experiment, recipe=replace(RECIPE, epochs=1000)))
    has_begun.wait()
    engine.close()
    assert engine._cluster.is_closed
    assert len(engine._cluster.cancelled) == 1
    assert engine.results_so_far() == []
    assert checkpoint.is_any_left(engine._results.folder(request.case))


def test_cancelled_cases_end_and_their_checkpoints_are_kept(engine, two_seeds):
    has_begun = threading.Event()

    def note(number, report):
        if number == 1:
            has_begun.set()
        return report

    engine._cluster.faults = [None, note]
    first, second = two_seeds[0], replace(two_seeds[1], recipe=replace(RECIPE, epochs=1000))
    requests = submit(engine, first, second)
    assert engine.train(requests[0], Recorder(), lambda _: None)[0].is_complete
    has_begun.wait()
    engine.cancel([request.case for request in requests])
    assert (engine._progress().done, engine._progress().cases) == (1, 1)
    assert [result.seed for result in engine.results_so_far()] == [0]
    engine.close()
    assert len(engine._cluster.cancelled) == 1
    assert checkpoint.is_any_left(engine._results.folder(requests[1].case))


def test_a_cancelled_case_is_trained_once_it_is_asked_for_again(engine, experiment):
    (request,) = submit(engine, experiment)
    engine.cancel([request.case])
    assert engine.train(request, Recorder(), lambda _: None)[0].is_complete


def test_the_engine_describes_its_cluster_and_a_cases_share(engine):
    assert engine.describe() == "a cluster, 1 CPU per case"
    assert engine.environment() == {"engine": "ray", "cluster": "a cluster", "per_case": "1 CPU"}
    assert engine.cases_at_once() == 4
    assert engine.summary() == []


def test_a_cluster_without_room_for_a_case_is_left_again(settings, monkeypatch):
    clusters = []

    class TooSmall(FakeCluster):
        def share(self, settings):
            clusters.append(self)
            raise InputError("a case needs 32 CPUs, this machine has 16 CPUs")

    monkeypatch.setattr(engine_module, "Cluster", TooSmall)
    with pytest.raises(InputError, match="a case needs 32 CPUs"):
        RayEngine(settings, ResultsFolder(settings.results_dir))
    assert clusters[0].is_closed


def test_recipe_that_the_images_decide_is_resolved_on_the_nodes(engine, settings, tmp_path):
    dataset = f"folder:{write_class_folders(tmp_path / 'flowers', train=4, size=8)}"
    recipe = Standard(epochs=1, batch_size=4)
    experiment = plan_experiment(settings, dataset, "resnet8", 0, recipe)
    (result,), _ = train(engine, experiment)
    resolved = replace(experiment, recipe=result.case.recipe, mode=result.mode)
    assert (result.case.recipe.image_size, result.case.recipe.epochs) == (8, 1)
    assert engine.case(resolved) == engine.case(experiment) == result.case


def test_learning_rates_are_tried_on_the_nodes(settings, make_engine, monkeypatch):
    settings = replace(settings, learning_rates=(0.05, 0.1), tune_epochs=1.0)
    engine = make_engine()
    monkeypatch.setattr("harness.study.study.make_engine", lambda *_: engine)
    study = Study(settings)
    plain, tuned = (
        plan_experiment(settings, "digits", "resnet8", 0, RECIPE, variant=one) for one in settings.variants()
    )
    tuning = Tuning(study)
    for trial in tuning.prepare([(tuned, (0,))], [plain]):
        tuning.train(trial, Recorder())
    chosen = tuning.tuned(tuned)
    study.prepare([plain, chosen])
    assert study.case(chosen).recipe.learning_rate in settings.learning_rates
    assert study.case(tuned.at_common_rate) == study.case(plain)
    assert [result.seed for result in engine.results_so_far()][:2] == [1_000_000] * 2
