"""Studies of tuned rates: trials are in no study, and each model's runs are those at its declared rate."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis.answer import Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.analysis.studies import group_into_studies
from tests.analysis.tuned import (
    CHOSEN,
    PLAIN,
    RATES,
    ROOT,
    TRIAL_SEEDS,
    TUNED,
    declared,
    run_at,
    stored,
    trial_at,
    trials,
    tuned_study,
)


def grouped(results, tunings):
    return group_into_studies(
        [one if hasattr(one, "root") else stored(one) for one in results], tunings={ROOT: tunings}
    )


def answered(evidence):
    return answer(Comparisons(evidence), evidence, Question(Spread(0.2, is_measured=False)))


def test_trials_are_no_study_and_plain_runs_are_shared():
    plain, tuned = tuned_study(PLAIN, TUNED, CHOSEN)
    assert (plain.title, tuned.title) == ("digits", "digits · tuned learning rates")
    assert (plain.file_name, tuned.file_name) == ("digits", "digits-tuned-learning-rates")
    assert [one.seeds for one in (plain, tuned)] == [[0, 1, 2]] * 2
    rates = {run.model: run.result.case.recipe.learning_rate for run in tuned.runs}
    assert rates == CHOSEN
    assert {run.result.case.recipe.learning_rate for run in plain.runs} == {0.05}
    assert tuned.untuned is plain
    assert plain.tuning is None


def test_a_tuned_study_has_each_models_trials():
    held_out = {"resnet56": {0.02: 90.0, 0.05: 80.0, 0.1: 70.0}}
    _, tuned = tuned_study(PLAIN, TUNED, CHOSEN, held_out)
    one = next(one for one in tuned.tuning.trials if one.model == "resnet56")
    assert [round(rate.mean.mean, 6) for rate in one.tried] == [90.1, 80.1, 70.1]
    assert (one.chosen, one.best, one.edge, one.held_out_images, one.seeds) == (0.02, 0.02, "lowest", 36, TRIAL_SEEDS)


def test_trials_without_a_choice_yet_are_no_study_either():
    found = grouped([run_at("resnet20", 0), *trials("resnet20", {0.02: 90.0})], [declared("resnet20", None)])
    assert [(one.title, one.seeds) for one in found] == [("digits", [0])]


def test_undeclared_trials_are_runs_as_any_others():
    found = grouped([trial_at("resnet20", TRIAL_SEEDS[0], 0.02)], [])
    assert [one.seeds for one in found] == [[TRIAL_SEEDS[0]]]


def test_runs_at_another_rate_than_those_chosen_are_a_study_of_their_own():
    found = grouped([run_at("resnet20", 0), run_at("resnet20", 0, 0.3)], [declared("resnet20", 0.02)])
    assert sorted(len(one.runs) for one in found) == [1, 1]
    assert all(one.tuning is None for one in found)


def test_a_new_choice_supersedes_runs_at_the_earlier_one():
    earlier, later = declared("resnet20", 0.1), declared("resnet20", 0.2, rates=(*RATES, 0.2))
    results = [run_at("resnet20", 0), run_at("resnet20", 0, 0.1), run_at("resnet20", 0, 0.2)]
    plain, tuned = grouped(results, [earlier, later])
    assert [run.result.case.recipe.learning_rate for run in tuned.runs] == [0.2]
    assert [one.case.recipe.learning_rate for one in tuned.superseded] == [0.1]
    assert len(plain.results) == 1


def test_a_study_at_one_rate_keeps_models_that_choose_that_rate_later():
    earlier = [run_at(model, 0, 0.02) for model in ("resnet20", "resnet56")]
    results = [*earlier, run_at("resnet20", 0), run_at("resnet56", 0), run_at("resnet56", 0, 0.1)]
    found = grouped(results, [declared("resnet20", 0.02), declared("resnet56", 0.1)])
    rates = {one.title: {run.model: run.result.case.recipe.learning_rate for run in one.runs} for one in found}
    assert {"resnet20": 0.02, "resnet56": 0.02} in rates.values()
    assert {"resnet20": 0.02, "resnet56": 0.1} in rates.values()
    assert {"resnet20": 0.05, "resnet56": 0.05} in rates.values()


def test_a_tuned_study_alone_says_so_in_its_title():
    (tuned,) = grouped([run_at("resnet20", 0, 0.02)], [declared("resnet20", 0.02)])
    assert tuned.title == "digits · tuned learning rates"
    assert tuned.untuned is None


def test_tunings_of_another_folder_do_not_count():
    found = group_into_studies(
        [stored(run_at("resnet20", 0, 0.02), root=Path("other"))], tunings={ROOT: [declared("resnet20", 0.02)]}
    )
    assert [one.tuning for one in found] == [None]


@pytest.mark.parametrize("changes", [{"val_split": 0.2}, {"train_fraction": 0.5}, {"precision": "bf16"}])
def test_other_conditions_are_not_of_the_tuned_study(changes):
    found = grouped([run_at("resnet20", 0, 0.02, **changes)], [declared("resnet20", 0.02)])
    assert [one.tuning for one in found] == [None]


def test_no_answer_if_a_reported_seed_chose_the_rates():
    seeds = (0, 1, TRIAL_SEEDS[1])
    _, tuned = tuned_study(PLAIN, TUNED, CHOSEN, seeds=seeds)
    found = answered(tuned)
    assert found.headline.startswith("No answer: the learning rates were chosen on 1000001")
    assert (found.verdicts, found.settle) == ((), "")


def test_with_seeds_apart_there_is_an_answer():
    _, tuned = tuned_study(PLAIN, TUNED, CHOSEN)
    assert answered(tuned).verdicts


def test_an_incomplete_model_is_left_out_of_the_trials():
    results = [run_at("resnet20", 0), replace(run_at("resnet56", 0, 0.02), status="failed", accuracy_percent=None)]
    found = grouped(results, [declared("resnet20", 0.05), declared("resnet56", 0.02)])
    (tuned,) = [one for one in found if one.tuning is not None]
    assert [one.model for one in tuned.tuning.trials] == ["resnet20"]
