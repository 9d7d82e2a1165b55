import math
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.studies import group_into_studies
from harness.analysis.targets import median, time_ratio, time_to_target
from harness.results.result import LearningCurve
from tests.analysis.synthetic_evidence import stored, study
from tests.helpers.synthetic import ENVIRONMENT, disturbed, synthetic_result

EPOCHS = 300


def curve(*accuracies, epochs=EPOCHS):
    """A learning curve that begins with these accuracies and keeps the last one."""
    return LearningCurve((*accuracies, *accuracies[-1:] * (epochs - len(accuracies))), 0.1)


def measured(curves, change=lambda result: result):
    """A study of results whose learning curves are given by model, of seeds 0, 1, …; each epoch takes 10 s."""
    kept = []
    for model, of_model in curves.items():
        for seed, accuracies in enumerate(of_model):
            result = change(synthetic_result(model=model, seed=seed))
            kept.append(replace(stored(result), read_curve=partial(curve, *accuracies)))
    (evidence,) = group_into_studies(kept)
    return evidence


def ways(evidence, target):
    return {one.model: one for one in time_to_target(evidence, target).ways}


def test_target_is_reached_by_the_first_epoch_at_or_above_it():
    evidence = measured({"resnet20": [(50, 80, 90, 85, 95), (90,)]})
    way = ways(evidence, 90.0)["resnet20"]
    assert [way.by_seed[seed].epoch for seed in (0, 1)] == [3, 1]
    assert way.epochs == [1, 3]
    assert way.seconds == [10.0, 30.0]


def test_seeds_that_never_reach_it_are_misses_and_later_than_all():
    evidence = measured({"resnet20": [(50, 90), (50, 60), (90,)], "resnet56": [(50,), (60,), (95,)]})
    few, many = ways(evidence, 90.0).values()
    assert (few.misses, median(few.epochs), median(few.seconds)) == (1, 2, 20.0)
    assert (many.misses, median(many.epochs), median(many.seconds)) == (2, None, None)
    assert many.epochs == [1, math.inf, math.inf]


def test_half_of_the_seeds_missing_leaves_no_median():
    assert median([1.0, math.inf]) is None
    assert median([1.0, 2.0, math.inf]) == 2.0
    assert median([]) is None


def test_target_is_the_smallest_models_least_final_accuracy():
    evidence = measured({"resnet56": [(99,), (99,)], "resnet20": [(70, 96), (70, 94)]})
    found = time_to_target(evidence, None)
    assert (found.percent, found.of_model, found.seeds) == (94.0, "resnet20", 2)
    assert ways(evidence, None)["resnet20"].misses == 0
    assert time_to_target(evidence, 97.0).of_model == ""


def test_disturbed_epochs_up_to_the_target_leave_no_time():
    evidence = measured({"resnet20": [(50, 90)]}, lambda result: disturbed(result, [2]))
    assert ways(evidence, 90.0)["resnet20"].seconds == []
    late = measured({"resnet20": [(50, 90)]}, lambda result: disturbed(result, [3]))
    assert ways(late, 90.0)["resnet20"].seconds == [20.0]


def test_times_of_different_hardware_are_left_out_and_epochs_stay():
    def on_seeds_machine(result):
        environment = ENVIRONMENT | {"threads": 1 + result.seed}
        attempts = tuple(replace(one, environment=environment) for one in result.attempts)
        return replace(result, environment=environment, attempts=attempts)

    way = ways(measured({"resnet20": [(90,), (90,)]}, on_seeds_machine), 90.0)["resnet20"]
    assert (way.epochs, way.seconds) == ([1, 1], [])


def test_first_is_the_fastest_by_time_or_by_epochs_without_times():
    by_time = measured({"resnet20": [(50, 60, 90)], "resnet56": [(50, 90)]})
    assert time_to_target(by_time, 90.0).first.model == "resnet56"
    untimed = study(
        {"resnet20": [90], "resnet56": [90]}, curve=lambda model, _: curve(90) if model == "resnet56" else curve(1, 90)
    )
    assert time_to_target(untimed, 90.0).first.model == "resnet56"
    assert time_to_target(by_time, 99.0).first is None


def test_first_is_by_epochs_if_a_seed_has_no_time():
    slow = {"resnet20": 10, "resnet56": 1}

    def change(result):
        timed = replace(result, epoch_seconds=(float(slow[result.model]),) * EPOCHS)
        return disturbed(timed, [1]) if (result.model, result.seed) == ("resnet56", 0) else timed

    curves = {"resnet20": [(90,), (90,)], "resnet56": [(50, 90), (50, 90)]}
    found = time_to_target(measured(curves, change), 90.0)
    assert [one.has_all_times for one in found.ways] == [True, False]
    assert found.first.model == "resnet20"
    untouched = time_to_target(
        measured(curves, lambda one: replace(one, epoch_seconds=(slow[one.model],) * EPOCHS)), 90
    )
    assert untouched.first.model == "resnet56"


def test_studies_without_learning_curves_have_no_times_to_target():
    assert time_to_target(study({"resnet20": [90]}), 90.0) is None


def test_ratio_needs_every_seed_of_both_to_arrive():
    evidence = measured({"resnet20": [(50, 90), (50, 60, 90)], "resnet56": [(90,), (90,)], "resnet110": [(90,), (1,)]})
    found = ways(evidence, 90.0)
    ratio = time_ratio(found["resnet20"], found["resnet56"])
    assert math.exp(ratio.mean) == pytest.approx(math.sqrt(6))
    assert ratio.n == 2
    assert time_ratio(found["resnet110"], found["resnet56"]) is None


@given(st.lists(st.lists(st.floats(1, 99), min_size=1, max_size=5), min_size=1, max_size=4), st.floats(1, 99))
def test_higher_targets_are_never_reached_sooner(curves, target):
    evidence = study({"resnet20": [90] * len(curves)}, curve=lambda _, seed: curve(*curves[seed], epochs=5))
    low, high = (ways(evidence, percent)["resnet20"] for percent in (target, target + 0.5))
    assert all(high.by_seed[seed].epochs >= low.by_seed[seed].epochs for seed in low.by_seed)
