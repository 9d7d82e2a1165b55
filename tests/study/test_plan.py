from dataclasses import replace

import pytest
import torch

from harness.config.datasets import SPECS
from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.config.settings import read_settings
from harness.study import estimate as estimate_module
from harness.study.estimate import Estimate, estimate, recorded_epoch_seconds
from harness.study.plan import plan
from harness.study.study import Study

CPU = torch.device("cpu")
RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=512)


@pytest.fixture
def settings(tmp_path):
    folders = {"results_dir": str(tmp_path / "r"), "report_dir": str(tmp_path / "p"), "data_dir": str(tmp_path)}
    return read_settings({"device": "cpu", "full_training": True} | folders, {})


def test_an_estimate_scales_steps_to_an_epoch_and_epochs_to_a_run(settings, monkeypatch):
    monkeypatch.setattr(estimate_module, "_step_seconds", lambda *_: 3.0)
    monkeypatch.setattr(estimate_module, "_evaluation_seconds", lambda *_: 0.5)
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    expected = estimate(experiment, SPECS["digits"], 1024, 10, CPU, "auto")
    assert expected.epoch_seconds == 2 * 3.0 + 10 * 0.5
    assert expected.total_seconds == 2 * expected.epoch_seconds


def test_a_step_too_dear_to_time_is_told_from_one_and_two_images(settings, monkeypatch):
    monkeypatch.setattr(estimate_module, "_AFFORDABLE_OPERATIONS", 0)
    # a step costs 1 second, an image 0.25
    monkeypatch.setattr(estimate_module, "_step_seconds", lambda trainer, spec, batch_size: 1.0 + 0.25 * batch_size)
    monkeypatch.setattr(estimate_module, "_evaluation_seconds", lambda *_: 0.0)
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    assert estimate(experiment, SPECS["digits"], 1024, 10, CPU, "auto").epoch_seconds == pytest.approx(
        2 * 1.0 + 1024 * 0.25
    )


def test_the_real_loop_is_timed(settings):
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    expected = estimate(experiment, SPECS["digits"], 1437, 360, CPU, "auto")
    assert 0 < expected.epoch_seconds < 3600
    assert expected.epochs == 2


def test_a_plan_knows_what_is_finished_and_how_far_off_its_estimate_is(settings, monkeypatch):
    study = Study(settings)
    trained, untrained = (plan_experiment(settings, "digits", "resnet8", seed, RECIPE) for seed in (0, 1))
    other = plan_experiment(settings, "digits", "resnet14", 0, RECIPE)
    study.prepare([trained])
    result, _ = study.train(trained)
    timed = []

    def fake(experiment, spec, train_images, evaluated_images, device, precision, pipeline):
        timed.append((experiment.model, train_images, evaluated_images))
        return Estimate(1.5 * result.mean_epoch_seconds, experiment.recipe.epochs)

    monkeypatch.setattr("harness.study.plan.estimate", fake)
    planned = list(plan([trained, untrained, other], settings, CPU, "fp32"))
    assert [p.is_finished for p in planned] == [True, False, False]
    assert [p.estimate_error for p in planned] == [pytest.approx(0.5), pytest.approx(0.5), None]
    assert timed == [("resnet8", 1437, 360), ("resnet14", 1437, 360)]
    shared = replace(result, environment=result.environment | {"co_scheduled": True})
    shared = replace(shared, attempts=(replace(result.attempts[0], environment=shared.environment),))
    assert recorded_epoch_seconds(trained, [result], "cpu", "fp32") == pytest.approx(result.mean_epoch_seconds)
    assert recorded_epoch_seconds(trained, [shared], "cpu", "fp32") is None
    (held_out,) = plan([trained], replace(settings, val_split=0.1), CPU, "fp32")
    assert not held_out.is_finished


def test_recorded_times_of_another_device_precision_or_mode_do_not_count(settings, tiny_result):
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    assert recorded_epoch_seconds(experiment, [tiny_result], "cpu", "fp32") == pytest.approx(
        tiny_result.mean_epoch_seconds
    )
    assert recorded_epoch_seconds(experiment, [tiny_result], "cuda", "fp32") is None
    assert recorded_epoch_seconds(experiment, [tiny_result], "cpu", "bf16") is None
    assert recorded_epoch_seconds(experiment, [replace(tiny_result, mode="quick")], "cpu", "fp32") is None
    assert recorded_epoch_seconds(experiment, [replace(tiny_result, status="diverged")], "cpu", "fp32") is None


def test_recorded_times_of_a_training_resumed_on_something_else_do_not_count(settings, tiny_result):
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    (first,) = tiny_result.attempts
    second = replace(first, first_epoch=2, environment=first.environment | {"threads": 99})
    mixed = replace(tiny_result, attempts=(first, second))
    assert recorded_epoch_seconds(experiment, [mixed], "cpu", "fp32") is None
    same = replace(tiny_result, attempts=(first, replace(first, first_epoch=2)))
    assert recorded_epoch_seconds(experiment, [same], "cpu", "fp32") == tiny_result.mean_epoch_seconds


def test_a_validation_split_moves_images_from_training_to_evaluation(settings, monkeypatch):
    timed = []
    monkeypatch.setattr(
        "harness.study.plan.estimate", lambda e, s, train, test, *_: timed.append((train, test)) or Estimate(1, 2)
    )
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    list(plan([experiment], replace(settings, val_split=0.1), CPU, "fp32"))
    assert timed == [(1293, 144)]


def test_an_absent_dataset_is_planned_with_its_published_numbers(settings, monkeypatch):
    timed = []
    monkeypatch.setattr(
        "harness.study.plan.estimate", lambda e, s, train, test, *_: timed.append((train, test)) or Estimate(1, 2)
    )
    list(plan([plan_experiment(settings, "gtsrb", "resnet24", 0)], settings, CPU, "fp32"))
    assert timed == [(39_209, 12_630)]
