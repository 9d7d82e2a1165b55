import math
from dataclasses import replace

import pytest

from harness.analysis.studies import study_subject
from harness.config.experiment import plan_experiment
from harness.study.estimate import Estimate
from harness.study.study import Study
from harness.study.time_budget import TimeBudget
from harness.training import checkpoint
from tests.helpers.finished import store_finished
from tests.helpers.records import RECORD

EPOCHS = 20


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def estimated(monkeypatch):
    """Replaces estimates by 3 seconds an epoch; keeps the models that are timed."""
    timed = []

    def fake(experiment, *_, **__):
        timed.append(experiment.model)
        return Estimate(3.0, experiment.recipe.epochs)

    monkeypatch.setattr("harness.study.plan.estimate", fake)
    return timed


@pytest.fixture
def study(make_settings, estimated):
    return Study(make_settings(full_training=True, epochs=EPOCHS))


def digits(study, model="resnet8", seed=0):
    return plan_experiment(study.settings, "digits", model, seed)


def budget(study, seconds=100.0):
    return TimeBudget(seconds, study, started_seconds=0.0, now=Clock())


def test_a_case_takes_its_models_recorded_epoch_times_first(study, estimated):
    store_finished(study, digits(study), epoch_seconds=2.0)
    times = budget(study)
    assert times.case_seconds(digits(study, seed=1)) == 2.0 * EPOCHS
    assert estimated == []


def failing_estimates(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("harness.study.plan.estimate", fail)


def test_a_case_of_unknown_time_is_last_and_skipped_with_the_reason(study, monkeypatch):
    failing_estimates(monkeypatch, MemoryError())
    times = budget(study)
    assert times.case_seconds(digits(study)) == math.inf
    assert times.reason_to_skip(digits(study)) == (
        "its time is unknown (out of memory): leave out --budget 1m40s to train it"
    )
    store_finished(study, digits(study))
    assert times.reason_to_skip(digits(study)) is None


def test_a_fault_of_the_harness_ends_the_estimate(study, monkeypatch):
    failing_estimates(monkeypatch, AttributeError("no such name"))
    with pytest.raises(AttributeError):
        budget(study).reason_to_skip(digits(study))


def test_only_times_of_the_same_case_and_processes_are_used(study, estimated):
    times = budget(study)
    result = store_finished(study, digits(study), epoch_seconds=1.0)
    for change in ({"compiled": True}, {"deterministic": True}):
        times.add(replace(result, case=replace(result.case, **change)))
    environment = result.environment | {"processes": 2, "sharded": True}
    times.add(
        replace(result, environment=environment, attempts=(replace(result.attempts[0], environment=environment),))
    )
    assert times.case_seconds(digits(study, seed=1)) == 3.0 * EPOCHS
    times.add(result)
    assert times.case_seconds(digits(study, seed=1)) == 1.0 * EPOCHS


def test_a_model_without_recorded_times_is_timed_once(study, estimated):
    times = budget(study)
    assert [times.case_seconds(digits(study, seed=seed)) for seed in range(3)] == [3.0 * EPOCHS] * 3
    assert estimated == ["resnet8"]


def test_a_result_of_this_session_replaces_the_estimate(study):
    times = budget(study)
    assert times.case_seconds(digits(study, seed=1)) == 3.0 * EPOCHS
    times.add(store_finished(study, digits(study), epoch_seconds=1.0))
    assert times.case_seconds(digits(study, seed=1)) == 1.0 * EPOCHS


def test_a_case_that_no_longer_fits_is_skipped_with_the_reason(study):
    times = budget(study)
    assert times.reason_to_skip(digits(study)) is None
    times._now.seconds = 70.0
    reason = times.reason_to_skip(digits(study, seed=1))
    assert reason == "does not fit: about 1m00s, 30s of --budget 1m40s left"


def test_a_later_cheaper_case_may_still_fit(study):
    store_finished(study, digits(study, "resnet14"), epoch_seconds=9.0)
    times = budget(study)
    assert times.reason_to_skip(digits(study, "resnet14", seed=1)) is not None
    assert times.reason_to_skip(digits(study, "resnet8", seed=1)) is None


def test_a_finished_case_costs_nothing(study):
    store_finished(study, digits(study))
    times = budget(study)
    times._now.seconds = 1000.0
    assert times.reason_to_skip(digits(study)) is None
    assert times.reason_to_skip(digits(study, seed=1)) == "does not fit: about 3m20s, 0.0s of --budget 1m40s left"


def test_a_finished_case_costs_its_time_under_rerun(make_settings, estimated):
    study = Study(make_settings(full_training=True, rerun=True))
    store_finished(study, digits(study), epoch_seconds=9.0)
    assert budget(study).reason_to_skip(digits(study)) is not None


def test_an_interrupted_case_costs_its_remaining_epochs(study, monkeypatch):
    case = study.case(digits(study))
    study.results.folder(case).mkdir(parents=True)
    study.results.write_epochs(case, [replace(RECORD, epoch=epoch) for epoch in range(1, 16)])
    times = budget(study, 20.0)
    assert times.reason_to_skip(digits(study)) == "does not fit: about 1m00s, 20s of --budget 20s left"
    monkeypatch.setattr(checkpoint, "is_any_left", lambda _: True)
    assert times.reason_to_skip(digits(study)) is None


def test_the_notes_count_the_skipped_cases_of_each_study(study):
    times = budget(study, 2 * 3600.0)
    assert times.notes() == {}
    for seed in range(3):
        times._now.seconds = 7199.0 * (seed == 2)
        times.reason_to_skip(digits(study, seed=seed))
    times.reason_to_skip(replace(digits(study), seed=2))
    subject = study_subject(study.case(digits(study)))
    assert times.notes() == {subject: ["Rests on 2 of 3 cases: 1 did not fit into --budget 2h."]}
