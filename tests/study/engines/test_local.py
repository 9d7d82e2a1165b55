"""The local engine: one case after the other in this process, or with other ranks."""

from dataclasses import replace

import pytest

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.errors import DeviceLostError, InputError
from harness.results.folder import ResultsFolder
from harness.study.engines.engine import CaseRequest
from harness.study.engines.local import LocalEngine
from harness.training.callback import TrainingCallback
from tests.helpers.rank_threads import in_threads

RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=512)


@pytest.fixture
def settings(make_settings):
    return make_settings(full_training=True, compile="off")


@pytest.fixture
def experiment(settings):
    return plan_experiment(settings, "digits", "resnet8", 0, RECIPE)


@pytest.fixture
def engine(settings):
    return LocalEngine(settings, ResultsFolder(settings.results_dir))


class Ended(list):
    """The cases whose training has ended."""

    def train(self, engine, experiment, *, rerun=False, callback=None):
        request = CaseRequest(experiment, engine.case(experiment), rerun)
        return engine.train(request, callback or TrainingCallback(), self.append)


class Interrupting(TrainingCallback):
    def __init__(self, error):
        self.error = error

    def on_epoch(self, case, record):
        raise self.error

    def is_stop(self, error):
        return isinstance(error, pytest.exit.Exception)


def test_a_device_that_is_not_there_is_refused(make_settings):
    settings = make_settings(device="abacus")
    with pytest.raises(InputError, match="unknown device 'abacus'"):
        LocalEngine(settings, ResultsFolder(settings.results_dir))


def test_train_returns_the_result_with_its_epoch_records(engine, experiment):
    ended = Ended()
    result, records = ended.train(engine, experiment)
    assert (result.is_complete, result.dataset_verified) == (True, True)
    assert [record.epoch for record in records] == [1, 2]
    assert ended == [engine.case(experiment)]


def test_a_finished_case_is_trained_again_only_by_rerun(engine, experiment):
    first, _ = Ended().train(engine, experiment)
    assert Ended().train(engine, experiment)[0].finished_at == first.finished_at
    assert Ended().train(engine, experiment, rerun=True)[0].finished_at > first.finished_at


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        SystemExit(1),
        GeneratorExit(),
        pytest.fail.Exception("Timeout (>60.0s) from pytest-timeout."),
        pytest.skip.Exception("skipped"),
        pytest.exit.Exception("enough"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_case_stopped_from_outside_has_not_ended(error, engine, experiment):
    ended = Ended()
    with pytest.raises(type(error)):
        ended.train(engine, experiment, callback=Interrupting(error))
    assert ended == []
    assert engine._results.find(engine.case(experiment)) is None
    assert ended.train(engine, experiment)[0].interrupted_after == (1,)


def test_a_case_refused_or_without_its_device_has_not_ended(engine, experiment, monkeypatch):
    error = InputError("no space")

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("harness.study.engines.local.train", fail)
    ended = Ended()
    with pytest.raises(InputError, match="no space"):
        ended.train(engine, experiment)
    assert ended == []
    error = DeviceLostError("run the same command again")
    with pytest.raises(DeviceLostError):
        ended.train(engine, experiment, rerun=True)
    assert ended == []  # else the same command with --rerun would keep its earlier result
    error = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        ended.train(engine, experiment)
    assert ended == [engine.case(experiment)]


def test_without_an_epoch_there_are_no_records(engine, experiment, monkeypatch):
    class WithoutEpochs:
        epochs = 0

    monkeypatch.setattr("harness.study.engines.local.train", lambda *_, **__: WithoutEpochs)
    assert Ended().train(engine, experiment) == (WithoutEpochs, [])


def test_submit_trains_nothing(engine, experiment):
    engine.submit([CaseRequest(experiment, engine.case(experiment), False)], lambda _: None)
    assert not engine._results.root.exists()
    assert engine.results_so_far() == []


def test_the_engine_describes_its_device(engine):
    assert engine.describe() == "cpu at fp32"
    environment = engine.environment()
    assert (environment["device"], environment["precision"]) == ("cpu", "fp32")
    assert (engine.cases_at_once(), engine.summary(), engine.close()) == (1, [], None)


def test_other_ranks_follow_rank_zero_and_return_its_result(settings, experiment):
    ended = Ended()

    def train(processes):
        engine = LocalEngine(settings, ResultsFolder(settings.results_dir), processes)
        engine.submit([], lambda _: None)
        return engine.describe(), ended.train(engine, experiment)

    (first, of_first), (second, of_second) = in_threads(2, train)
    assert first == second == "2 processes, on cpu at fp32"
    assert of_first == of_second
    assert of_first[0].is_complete
    assert [record.epoch for record in of_first[1]] == [1, 2]
    assert len(ended) == 1


def test_other_ranks_raise_the_error_of_rank_zero(settings, experiment, monkeypatch):
    def refuse(*_, **__):
        raise InputError("no space")

    monkeypatch.setattr("harness.study.engines.local.train", refuse)

    def train(processes):
        return Ended().train(LocalEngine(settings, ResultsFolder(settings.results_dir), processes), experiment)

    errors = in_threads(2, train)
    assert [(type(error), str(error)) for error in errors] == [(InputError, "no space")] * 2
