"""Tuning: trials on seeds of their own and held-out images, then each model at its own rate."""

from dataclasses import replace

import pytest

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.errors import InputError
from harness.results.declared_tuning import read_declared_tuning
from harness.study.study import Study
from harness.study.tuning import TUNING_SEEDS, Tuning, needs_tuning, trial_seeds, trials_of, with_trials
from harness.training.callback import TrainingCallback
from tests.helpers.synthetic import failed_result, synthetic_result
from tests.results.records import RECORD

RECIPE = replace(DIGITS, epochs=8, milestones=(6,), warmup_epochs=1, batch_size=512)
RATES = "0.02,0.05,0.1"
REPORTED = (0, 1, 2)


@pytest.fixture
def study(make_settings):
    return Study(make_settings(full_training=True, learning_rates=RATES))


def tuned(study, model="resnet8", seed=0):
    (variant,) = [one for one in study.settings.variants() if one.is_tuned]
    return plan_experiment(study.settings, "digits", model, seed, RECIPE, variant=variant)


def plain(study, model="resnet8", seed=0):
    return tuned(study, model, seed).at_common_rate


def tune_by(study, monkeypatch, outcomes, seeds=REPORTED, models=("resnet8",)):
    """Tune models without training; ``outcomes``: returns a trial's result and records."""
    tuning = Tuning(study)
    monkeypatch.setattr(study, "train", lambda trial, _: outcomes(trial))
    trials = tuning.prepare([(tuned(study, model, seed), seeds) for model in models for seed in seeds])
    for trial in trials:
        tuning.train(trial, TrainingCallback())
    tuning.declare()
    return tuning, trials


def outcome_of(study, held_out, test=lambda _: 50.0):
    """Return a function from a trial to its result and records, by the accuracies at its rate."""

    def outcomes(trial):
        case = study.case(trial)
        rate = case.recipe.learning_rate
        accuracy = held_out(rate)
        if accuracy is None:
            return replace(failed_result("diverged", dataset="digits", model=case.model), case=case), []
        result = replace(synthetic_result("digits", case.model, case.seed, test(rate)), case=case)
        return result, [replace(RECORD, evaluation_accuracy_percent=accuracy)]

    return outcomes


def test_trials_have_as_many_seeds_as_are_reported_three_at_most():
    assert trial_seeds((0,)) == (1_000_000,)
    assert trial_seeds((0, 1)) == (1_000_000, 1_000_001)
    assert trial_seeds(range(10)) == (1_000_000, 1_000_001, 1_000_002) == tuple(TUNING_SEEDS)


@pytest.mark.parametrize("seeds", [(0, 1_000_001), (1_000_002,), tuple(TUNING_SEEDS)])
def test_a_reported_seed_may_not_be_one_of_trials(seeds):
    with pytest.raises(
        InputError, match=r"^seeds .*100000\d: .* would be reported too\ngive other seeds by --seeds or the"
    ):
        trial_seeds(seeds)


def test_trials_train_a_share_of_the_schedule_with_images_held_out(study):
    trials = trials_of(plain(study), study.settings, trial_seeds(REPORTED))
    assert len(trials) == 9
    case = study.case(trials[0])
    assert (case.recipe.epochs, case.recipe.milestones, case.recipe.warmup_epochs) == (2, (2,), 1)
    assert (case.mode, case.val_split, case.seed, case.recipe.learning_rate) == ("shortened", 0.2, 1_000_000, 0.02)
    assert {one.seed for one in trials} == set(TUNING_SEEDS)
    assert not {one.seed for one in trials} & set(REPORTED)


def test_a_given_split_and_all_epochs_are_kept_by_the_trials(make_settings):
    study = Study(make_settings(full_training=True, learning_rates=RATES, tune_epochs="1", val_split="0.3"))
    case = study.case(trials_of(plain(study), study.settings, TUNING_SEEDS)[0])
    assert (case.recipe, case.mode, case.val_split) == (replace(RECIPE, learning_rate=0.02), "full", 0.3)


def test_the_best_rate_on_held_out_images_is_chosen_whatever_the_test_says(study, monkeypatch):
    held_out = {0.02: 80.0, 0.05: 90.0, 0.1: 85.0}
    outcomes = outcome_of(study, held_out.__getitem__, test={0.02: 99.0, 0.05: 40.0, 0.1: 98.0}.__getitem__)
    tuning, _ = tune_by(study, monkeypatch, outcomes)
    assert tuning.tuned(tuned(study)).resolved_recipe.learning_rate == 0.05


def test_schedules_that_share_their_trials_are_all_tuned(make_settings, monkeypatch):
    study = Study(make_settings(full_training=True, learning_rates="0.02,0.05", epochs="2,4"))
    tuning, outcomes = Tuning(study), outcome_of(study, {0.02: 50.0, 0.05: 40.0}.__getitem__)
    monkeypatch.setattr(study, "train", lambda trial, _: outcomes(trial))
    asked = [
        plan_experiment(study.settings, "digits", "resnet8", 0, RECIPE, variant=variant)
        for variant in study.settings.variants()
        if variant.is_tuned
    ]
    trials = tuning.prepare([(one, (0,)) for one in asked])
    assert len({study.case(one).identity for one in trials}) < len(trials)
    for trial in trials:
        tuning.train(trial, TrainingCallback())
    assert [tuning.tuned(one).resolved_recipe.learning_rate for one in asked] == [0.02, 0.02]


def test_a_diverged_rate_loses(study, monkeypatch):
    tuning, _ = tune_by(study, monkeypatch, outcome_of(study, {0.02: 30.0, 0.05: 40.0, 0.1: None}.__getitem__))
    assert tuning.tuned(tuned(study)).resolved_recipe.learning_rate == 0.05


def test_at_the_recipes_own_rate_the_tuned_case_is_the_plain_one(study, monkeypatch):
    tuning, _ = tune_by(study, monkeypatch, outcome_of(study, {0.02: 30.0, 0.05: 40.0, 0.1: 20.0}.__getitem__))
    assert study.case(tuning.tuned(tuned(study))) == study.case(plain(study))


def test_at_another_rate_only_the_rate_differs(study, monkeypatch):
    tuning, _ = tune_by(study, monkeypatch, outcome_of(study, {0.02: 50.0, 0.05: 40.0, 0.1: 20.0}.__getitem__))
    chosen = tuning.tuned(tuned(study, seed=1))
    assert chosen.at_common_rate == plain(study, seed=1)
    case, other = study.case(chosen), study.case(plain(study, seed=1))
    assert replace(case, recipe=replace(case.recipe, learning_rate=0.05)) == other
    assert (case.mode, case.val_split) == ("full", 0.0)
    assert study.subject(chosen) == study.subject(tuning.tuned(tuned(study, seed=2))) != study.subject(plain(study))


def test_trials_are_declared_before_and_the_choice_after_them(study, monkeypatch):
    tuning = Tuning(study)
    tuning.prepare([(tuned(study), REPORTED)])
    (before,) = read_declared_tuning(study.results.root)
    assert (before.chosen, before.rates, before.seeds) == (None, (0.02, 0.05, 0.1), tuple(TUNING_SEEDS))
    tune_by(study, monkeypatch, outcome_of(study, {0.02: 50.0, 0.05: 40.0, 0.1: 20.0}.__getitem__))
    (after,) = read_declared_tuning(study.results.root)
    assert after == replace(before, chosen=0.02)


def test_a_later_session_of_fewer_seeds_uses_all_trials_of_the_earlier(study, monkeypatch):
    outcomes = outcome_of(study, {0.02: 50.0, 0.05: 40.0, 0.1: 20.0}.__getitem__)
    tune_by(study, monkeypatch, outcomes)
    _, trials = tune_by(study, monkeypatch, outcomes, seeds=(3,))
    assert {one.seed for one in trials} == set(TUNING_SEEDS)


def test_a_model_is_tried_once_for_all_its_seeds(study):
    tuning = Tuning(study)
    assert len(tuning.prepare([(tuned(study, seed=seed), REPORTED) for seed in REPORTED])) == 9
    assert tuning.prepare([(tuned(study, seed=0), REPORTED)]) == []


def test_without_complete_trials_there_is_no_rate(study, monkeypatch):
    def out_of_memory(trial):
        case = study.case(trial)
        return replace(failed_result("out_of_memory", dataset="digits", model=case.model), case=case), []

    tuning, _ = tune_by(study, monkeypatch, out_of_memory)
    with pytest.raises(
        InputError,
        match=r"(?s)resnet8 seed 0 tuned: no .* none of 0.02, 0.05.*rate0.02: the loss .* and 8 more trials\nmend",
    ):
        tuning.tuned(tuned(study))


def test_a_rate_with_a_failed_trial_is_not_chosen_and_the_others_are_tried(study, monkeypatch):
    held_out = outcome_of(study, {0.02: 50.0, 0.05: 40.0, 0.1: 20.0}.__getitem__)

    def outcomes(trial):
        if trial.resolved_recipe.learning_rate == 0.02 and trial.seed == 1_000_001:
            raise RuntimeError("no such kernel")
        return held_out(trial)

    tuning, _ = tune_by(study, monkeypatch, outcomes)
    assert tuning.tuned(tuned(study)).resolved_recipe.learning_rate == 0.05
    (declared,) = read_declared_tuning(study.results.root)
    assert declared.chosen == 0.05


def test_a_model_whose_trials_fail_has_no_rate_and_names_the_cause(study, monkeypatch):
    held_out = outcome_of(study, {0.02: 50.0, 0.05: 40.0, 0.1: 20.0}.__getitem__)

    def outcomes(trial):
        if trial.model == "resnet14":
            raise RuntimeError("no such kernel")
        return held_out(trial)

    tuning, _ = tune_by(study, monkeypatch, outcomes, models=("resnet14", "resnet8"))
    assert tuning.tuned(tuned(study)).resolved_recipe.learning_rate == 0.02
    with pytest.raises(InputError, match=r"resnet14 seed 1000000 rate0.02: no such kernel and 8 more trials\nmend"):
        tuning.tuned(tuned(study, "resnet14"))


def test_a_stop_ends_the_trials(study, monkeypatch):
    class Stop(TrainingCallback):
        def is_stop(self, error):
            return isinstance(error, TimeoutError)

    def stop(*_):
        raise TimeoutError

    tuning = Tuning(study)
    trials = tuning.prepare([(tuned(study), REPORTED)])
    monkeypatch.setattr(study, "train", stop)
    with pytest.raises(TimeoutError):
        tuning.train(trials[0], Stop())


def test_names_tell_the_trials_of_each_schedule_apart(make_settings):
    study = Study(make_settings(full_training=True, learning_rates=RATES, epochs="4,8"))
    variants = [one for one in study.settings.variants() if one.is_tuned]
    asked = [plan_experiment(study.settings, "digits", "resnet8", 0, RECIPE, variant=one) for one in variants]
    trials = Tuning(study).prepare([(one, (0,)) for one in asked])
    assert len({one.label for one in trials}) == 6
    assert trials[0].label == "digits resnet8 seed 1000000 epochs4-rate0.02"
    plains = [one for one in study.settings.variants() if not one.is_tuned]
    assert [one.at_common_rate.variant for one in asked] == plains
    assert trials[0].at_common_rate is trials[0]


def test_no_case_is_asked_for_before_it_is_prepared(study, monkeypatch):
    prepared, prepare, case = set(), study.engine.prepare, study.engine.case

    def preparing(experiments, notify):
        prepared.update(replace(one, seed=0) for one in experiments)
        prepare(experiments, notify)

    def prepared_case(experiment):
        assert replace(experiment, seed=0) in prepared
        return case(experiment)

    monkeypatch.setattr(study.engine, "prepare", preparing)
    monkeypatch.setattr(study.engine, "case", prepared_case)
    tune_by(study, monkeypatch, outcome_of(study, {0.02: 50.0, 0.05: 40.0, 0.1: 20.0}.__getitem__))
    assert len({one.variant.learning_rate for one in prepared}) == 4


def test_the_plan_has_trials_first_and_declared_rates(study, monkeypatch):
    asked = [plain(study), tuned(study)]
    found = with_trials(asked, study.settings, lambda one: one, lambda *_: None)
    assert [one.seed for one in found] == [1_000_000] * 3 + [0, 0]
    assert needs_tuning(found[-1])
    tune_by(study, monkeypatch, outcome_of(study, {0.02: 50.0, 0.05: 40.0, 0.1: 20.0}.__getitem__))
    (declared,) = read_declared_tuning(study.results.root)
    found = with_trials(asked, study.settings, lambda one: one, lambda *_: declared)
    assert {one.seed for one in found[:-2]} == set(TUNING_SEEDS)
    assert found[-1].resolved_recipe.learning_rate == 0.02


def test_trials_are_trained_resumed_and_reused_as_any_case(study):
    tuning = Tuning(study)
    trials = tuning.prepare([(tuned(study), (0,))])
    first = [tuning.train(one, TrainingCallback()) for one in trials]
    again = Tuning(study)
    trials = again.prepare([(tuned(study), (0,))])
    second = [again.train(one, TrainingCallback()) for one in trials]
    assert [one.finished_at for one in first] == [one.finished_at for one in second]
    assert all(one.evaluation_images + one.train_images == 360 for one in first)
    assert all(60 < one.evaluation_images < 85 for one in first)
    assert tuning.tuned(tuned(study)) == again.tuned(tuned(study))
