from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.config.experiment import Experiment
from harness.config.recipes import CIFAR10, DIGITS
from harness.config.settings import read_settings
from harness.config.variant import Variant
from harness.study.time_left import TimeLeft

OPERATIONS = {"small": 10.0, "large": 40.0, "other": 20.0}


def experiment(model, seed=0, dataset="digits"):
    return Experiment(dataset, model, seed, CIFAR10 if dataset == "cifar10" else DIGITS, "full")


def time_left(experiments, epochs_left=lambda _: 5, operations=OPERATIONS):
    return TimeLeft(study(lambda one: operations.get(one.model), epochs_left), experiments)


def study(epoch_operations, epochs_left=lambda _: 5):
    engine, settings = SimpleNamespace(epoch_operations=epoch_operations), read_settings({"full_training": True}, {})
    return SimpleNamespace(engine=engine, epochs_left=epochs_left, settings=settings)


def result(one, *epoch_seconds):
    case = SimpleNamespace(
        dataset=one.dataset,
        model=one.model,
        recipe=one.recipe,
        train_fraction=one.variant.train_fraction,
        val_split=one.variant.val_split or 0.0,
    )
    return SimpleNamespace(case=case, epoch_seconds=epoch_seconds)


def test_cases_after_take_the_measured_time_of_their_model():
    first, second, third = experiment("small"), experiment("large"), experiment("small", seed=1)
    left = time_left([first, second, third])
    left.add(result(first, 1.0, 3.0))
    assert left.after(second)(None) == 5 * 2.0
    assert left.after(second)(100.0) == 5 * 2.0  # its own pace says nothing on a measured model
    assert left.after(third)(2.0) == 0.0


def test_an_epoch_with_a_stop_does_not_lengthen_the_cases_after():
    first, second = experiment("small"), experiment("small", seed=1)
    left = time_left([first, second])
    left.add(result(first, 2.0, 300.0, 2.0))
    assert left.after(first)(None) == 5 * 2.0


def test_a_case_prepared_late_has_no_estimate():
    left = time_left([experiment("small")])
    assert left.after(experiment("large"))(2.0) is None


def test_an_unmeasured_model_is_scaled_by_its_operations():
    first, second = experiment("small"), experiment("large")
    left = time_left([first, second])
    assert left.after(first)(None) is None
    assert left.after(first)(2.0) == pytest.approx(5 * 8.0)  # four times the operations


def test_an_unmeasured_model_is_scaled_from_its_own_dataset_first():
    first, second = experiment("small"), experiment("other", dataset="cifar10")
    third = experiment("large", dataset="cifar10")
    left = time_left([first, second, third])
    left.add(result(first, 100.0))
    assert left.after(second)(1.0) == pytest.approx(5 * 2.0)
    assert left.after(first)(100.0) == pytest.approx(5 * 200.0 + 5 * 400.0)  # cifar10 is not measured then


def test_epochs_of_another_schedule_take_the_measured_time():
    first, second = experiment("small"), replace(experiment("small"), recipe=DIGITS.with_epochs(3))
    left = time_left([first, second], operations={})
    assert left.after(first)(2.0) == 5 * 2.0


def test_epochs_on_a_share_of_the_images_are_another_kind():
    first, second = experiment("small"), replace(experiment("small"), variant=Variant(train_fraction=0.1))
    left = TimeLeft(study(lambda one: 100 * one.variant.train_fraction), [first, second])
    assert left.after(first)(2.0) == pytest.approx(5 * 0.2)


def test_epochs_with_images_held_out_are_another_kind():
    trial, first = replace(experiment("small"), variant=Variant(val_split=0.1)), experiment("small")
    second = replace(first, seed=1)
    left = time_left([trial, first, second])
    left.add(result(trial, 1.0))
    left.add(result(first, 3.0))
    assert left.after(first)(None) == 5 * 3.0


def test_a_sweep_of_many_cases_hashes_each_kind_once(monkeypatch):
    shortened, recipe = [], type(DIGITS)
    without = recipe.without_schedule.fget
    monkeypatch.setattr(recipe, "without_schedule", property(lambda one: shortened.append(one) or without(one)))
    experiments = [experiment("small", seed) for seed in range(50)]
    left = time_left(experiments)
    assert [left.after(one)(2.0) for one in experiments] == [5 * 2.0 * (49 - seed) for seed in range(50)]
    assert len(shortened) == 50


def test_finished_cases_take_no_time_and_resumed_ones_their_rest():
    first, second, third = experiment("small"), experiment("small", seed=1), experiment("small", seed=2)
    left = time_left([first, second, third], epochs_left=lambda one: {0: 5, 1: 0, 2: 3}[one.seed])
    assert left.after(first)(2.0) == 3 * 2.0


def test_an_engine_that_counts_no_operations_gives_no_estimate():
    first, second = experiment("small"), experiment("large")
    assert time_left([first, second], operations={}).after(first)(2.0) is None
