from dataclasses import replace

import pytest
import torch

from harness.config.experiment import plan_experiment
from harness.config.families import Family
from harness.config.recipes import DIGITS
from harness.config.standard import Standard
from harness.config.variant import Variant
from harness.errors import InputError
from harness.models.identity import identity_for
from harness.study.estimate import Estimate
from harness.study.own_network import channels_and_classes
from harness.study.plan import is_result_of, plan
from harness.study.study import Study
from harness.study.tuning import Tuning, needs_tuning
from harness.training.callback import TrainingCallback
from tests.data.builders import write_class_folders
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.synthetic import synthetic_result

CPU = torch.device("cpu")
RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=512)


@pytest.fixture
def settings(make_settings):
    return make_settings(full_training=True)


def test_a_plan_says_what_is_finished_and_how_wrong_its_estimate_is(settings, timed, monkeypatch):
    study = Study(settings)
    trained, untrained = (plan_experiment(settings, "digits", "resnet8", seed, RECIPE) for seed in (0, 1))
    other = plan_experiment(settings, "digits", "resnet14", 0, RECIPE)
    study.prepare([trained])
    result, _ = study.train(trained)
    planned = list(plan([trained, untrained, other], settings, CPU, "fp32"))
    assert [p.is_finished for p in planned] == [True, False, False]
    seconds = result.undisturbed_seconds() or result.epoch_seconds
    error = pytest.approx(1.5 * len(seconds) / sum(seconds) - 1)
    assert [p.estimate_error for p in planned] == [error, error, None]
    assert timed == [("resnet8", 360, 1437), ("resnet14", 360, 1437)]
    (held_out,) = plan([trained], replace(settings, val_split=0.1), CPU, "fp32")
    assert not held_out.is_finished
    (rerun,) = plan([trained], replace(settings, rerun=True), CPU, "fp32")
    assert not rerun.is_finished
    monkeypatch.setattr("harness.study.plan.other_code", lambda environments: "commit 0123456789")
    (refused,) = plan([trained], settings, CPU, "fp32")
    assert (refused.is_finished, refused.is_of_other_code) == (False, True)


def test_a_validation_split_moves_images_from_training_to_evaluation(settings, timed):
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    list(plan([experiment], replace(settings, val_split=0.1), CPU, "fp32"))
    assert timed == [("resnet8", 324, 36)]


def test_schedules_are_timed_once_and_each_share_of_the_images_once(settings, timed):
    asked = [
        plan_experiment(settings, "digits", "resnet8", 0, RECIPE, variant=Variant(epochs, share))
        for epochs in (None, 6)
        for share in (1.0, 0.1)
    ]
    planned = list(plan(asked, settings, CPU, "fp32"))
    assert timed == [("resnet8", 360, 1437), ("resnet8", 36, 1437)]
    assert [one.estimate.total_seconds for one in planned] == [3.0, 3.0, 9.0, 9.0]


def test_a_result_on_another_share_of_the_images_is_not_the_experiments(settings):
    experiment = plan_experiment(settings, "digits", "resnet8", 0, DIGITS)
    result = synthetic_result("digits", "resnet8")
    assert is_result_of(result, experiment, settings, "cpu", "fp32")
    part = replace(experiment, variant=Variant(train_fraction=0.1))
    assert not is_result_of(result, part, settings, "cpu", "fp32")
    tenth = replace(result, case=replace(result.case, train_fraction=0.1))
    assert is_result_of(tenth, part, settings, "cpu", "fp32")
    held_out = replace(experiment, variant=Variant(val_split=0.1))
    assert not is_result_of(result, held_out, settings, "cpu", "fp32")


def test_an_absent_dataset_is_planned_with_its_published_numbers(settings, timed):
    list(plan([plan_experiment(settings, "gtsrb", "resnet24", 0)], settings, CPU, "fp32"))
    assert timed == [("resnet24", 39_209, 12_630)]


def test_all_estimates_of_a_plan_share_the_time_for_repetition(settings, monkeypatch):
    given = []

    def fake(*_, repetition, **__):
        given.append(repetition)
        return Estimate(1.5, 2, busy())

    monkeypatch.setattr("harness.study.plan.estimate", fake)
    experiments = [plan_experiment(settings, "digits", model, 0, RECIPE) for model in ("resnet8", "resnet14")]
    planned = list(plan(experiments, settings, CPU, "fp32"))
    assert len(given) == 2
    assert given[0] is given[1]
    assert [one.estimate.causes for one in planned] == [("other processes used 1.0 cores",)] * 2


def failing(error):
    """An estimate that raises the error for ResNet-14."""

    def fake(experiment, *_, **__):
        if experiment.model == "resnet14":
            raise error
        return Estimate(1.5, 2)

    return fake


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory"),
        (RuntimeError("a tensor of\nwrong shape"), "RuntimeError: a tensor of wrong shape"),
        (InputError("model mine: build raised ValueError"), "model mine: build raised ValueError"),
    ],
    ids=["out of memory", "an error of torch", "an own network"],
)
def test_a_case_whose_steps_fail_is_planned_with_the_reason(error, reason, settings, monkeypatch):
    monkeypatch.setattr("harness.study.plan.estimate", failing(error))
    models = ("resnet14", "resnet8", "resnet14")
    experiments = [plan_experiment(settings, "digits", model, seed, RECIPE) for seed, model in enumerate(models)]
    planned = list(plan(experiments, settings, CPU, "fp32"))
    assert [one.estimate for one in planned] == [None, Estimate(1.5, 2), None]
    assert planned[1].failure == ""
    assert planned[0].failure == planned[2].failure
    assert planned[0].failure.startswith(reason)
    assert "\n" not in planned[0].failure


def test_a_fault_of_the_harness_ends_the_plan(settings, monkeypatch):
    monkeypatch.setattr("harness.study.plan.estimate", failing(TypeError("takes 2 arguments")))
    with pytest.raises(TypeError, match="takes 2 arguments"):
        list(plan([plan_experiment(settings, "digits", "resnet14", 0, RECIPE)], settings, CPU, "fp32"))


def test_any_error_of_an_own_networks_step_is_planned_with_the_reason(settings, monkeypatch):
    def fail(*_, **__):
        raise TypeError("takes 2 arguments")

    monkeypatch.setattr("harness.study.plan.estimate", fail)
    own = Family("mynet", lambda depth, width, channels, classes: torch.nn.Linear(64, classes))(2)
    (planned,) = plan([plan_experiment(settings, "digits", own, 0, RECIPE)], settings, CPU, "fp32")
    assert planned.failure.startswith("TypeError: takes 2 arguments")


def test_steps_are_timed_and_compared_with_the_kernels_of_the_settings(make_settings, monkeypatch):
    asked, compared = [], []
    monkeypatch.setattr("harness.study.plan.resolve_precision", lambda *_: "fp32")
    monkeypatch.setattr(
        "harness.study.plan.estimate",
        lambda *_, deterministic, **__: asked.append(deterministic) or Estimate(1.5, 2),
    )
    monkeypatch.setattr(
        "harness.study.plan.recorded_epoch_seconds",
        lambda *_, deterministic, **__: compared.append(deterministic),
    )
    settings = make_settings(full_training=True, deterministic=True)
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    for device in ("cpu", "cuda"):
        list(plan([experiment], settings, torch.device(device), "fp32"))
    assert asked == compared == [False, True]


def test_a_precision_that_the_device_lacks_ends_the_plan(settings):
    with pytest.raises(InputError, match="tf32"):
        list(plan([plan_experiment(settings, "digits", "resnet8", 0, RECIPE)], settings, CPU, "tf32"))


def test_a_plan_notifies_of_disturbed_steps(settings, monkeypatch):
    use_meter(monkeypatch, busy(1.2), QUIET)
    notified = []
    experiment = plan_experiment(settings, "digits", "resnet8", 0, RECIPE)
    (planned,) = plan([experiment], settings, CPU, "fp32", notified.append)
    assert notified == ["digits resnet8 disturbed (other processes used 1.2 cores): measured again"]
    assert planned.estimate.causes == ()


def test_a_result_with_other_kernels_is_not_the_experiments(make_settings):
    experiment = plan_experiment(make_settings(full_training=True), "digits", "resnet8", 0, RECIPE)
    for deterministic in (False, True):
        settings = make_settings(full_training=True, deterministic=deterministic)
        changes = {"recipe": RECIPE, "device_kind": "cuda"}
        result = synthetic_result("digits", "resnet8", case_changes=changes)
        assert is_result_of(result, experiment, settings, "cuda", "fp32") is not deterministic


def test_result_of_another_network_of_the_same_name_is_not_the_experiments(settings):
    def linear(depth, width, channels, classes):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, classes, bias=depth > 1))

    own = Family("mynet", linear)(2)
    experiment = plan_experiment(settings, "digits", own, 0)
    result = synthetic_result("digits", case_changes={"recipe": experiment.recipe})
    identity = identity_for(own, *channels_and_classes(result))
    for network, is_same in ((identity, True), ("0" * 16, False)):
        found = replace(result, case=replace(result.case, model="mynet2", network=network))
        assert is_result_of(found, experiment, settings, "cpu", "fp32") is is_same


@pytest.fixture
def tune_folder(make_settings, tmp_path):
    """Tunes a model on a folder of images whose recipe the images decide; returns its experiments."""
    dataset = f"folder:{write_class_folders(tmp_path / 'flowers', train=8, size=8)}"
    recipe = Standard(epochs=2, batch_size=4)

    def asked(settings):
        variants = settings.variants()
        return [plan_experiment(settings, dataset, "resnet8", 0, recipe, variant=one) for one in variants]

    settings = make_settings(full_training=True, learning_rates="0.05,0.1")
    study, (plain, tuned) = Study(settings), asked(settings)
    tuning = Tuning(study)
    for trial in tuning.prepare([(tuned, (0,))], [plain]):
        tuning.train(trial, TrainingCallback())
    tuning.declare()
    study.train(tuning.tuned(tuned))
    return asked, study.case(tuning.tuned(tuned)).recipe


@pytest.mark.usefixtures("timed")
def test_trials_and_choices_are_known_where_the_images_decide_the_recipe(tune_folder, make_settings):
    asked, recipe = tune_folder
    settings = make_settings(full_training=True, learning_rates="0.05,0.1")
    planned = list(plan(asked(settings), settings, CPU, "fp32"))
    assert [one.experiment.variant.is_trial for one in planned] == [True, True, False, False]
    assert planned[-1].experiment.recipe == recipe
    assert [one.is_finished for one in planned if one.experiment.variant != Variant()] == [True] * 3


@pytest.mark.usefixtures("timed")
@pytest.mark.parametrize(
    "changes",
    [{"tune_epochs": "1"}, {"val_split": "0.3"}, {"learning_rates": "0.05,0.2"}, {"pipeline": "reference"}],
    ids=lambda changes: "".join(changes),
)
def test_a_choice_by_other_trials_is_not_planned(changes, tune_folder, make_settings):
    asked, _ = tune_folder
    settings = make_settings(**{"full_training": True, "learning_rates": "0.05,0.1", **changes})
    planned = list(plan(asked(settings), settings, CPU, "fp32"))
    assert needs_tuning(planned[-1].experiment)


@pytest.mark.usefixtures("timed")
def test_a_choice_on_another_device_or_precision_is_not_planned(tune_folder, make_settings):
    asked, _ = tune_folder
    settings = make_settings(full_training=True, learning_rates="0.05,0.1")
    planned = list(plan(asked(settings), settings, CPU, "bf16"))
    assert needs_tuning(planned[-1].experiment)
