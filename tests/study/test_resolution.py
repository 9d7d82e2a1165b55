"""Recipes that the images decide: resolved on the machine that has them, equally for all models and seeds."""

from dataclasses import replace

import pytest

from harness.config.datasets import own_path
from harness.config.experiment import plan_experiment
from harness.config.recipe import Augmentation, Recipe, Resize
from harness.config.standard import Standard
from harness.data import registry
from harness.data.channel_sums import ChannelSums
from harness.data.formats import digits
from harness.errors import InputError
from harness.study.machine import Machine
from harness.study.plan import plan
from harness.study.resolution import outline
from harness.study.study import Study
from tests.data.builders import encode, noise, write, write_class_folders
from tests.helpers.tiny import CPU

DIGITS_SOURCE = digits.locate()


@pytest.fixture
def flowers(tmp_path):
    """A folder of 80 + 4 colour images of 12×12, as a dataset's name."""
    return f"folder:{write_class_folders(tmp_path / 'flowers', train=40, test=2, size=12)}"


@pytest.fixture
def full(make_settings):
    return make_settings(full_training=True)


def write_wide(dataset):
    """Add an image that is no square, so that the images do not keep their size."""
    write(own_path(dataset) / "train/cat/wide.png", encode(noise(12, 30)))


def planned(settings, dataset, *models, recipe=None, seed=0):
    return [plan_experiment(settings, dataset, model, seed, recipe, models) for model in models]


def test_recipe_has_the_images_own_mean_size_and_number(flowers, full, tmp_path):
    machine = Machine(full)
    (experiment,) = planned(full, flowers, "resnet8")
    machine.prepare([experiment])
    images = registry.load(flowers, tmp_path, resize=Resize(experiment.recipe.size_for(12))).train
    mean, std = images.channel_sums().mean_and_std()
    assert machine.case(experiment).recipe == Recipe(
        "standard", 200, (100, 150), 32, 12, Augmentation(mean, std, horizontal_flip=True, padding=2),
        learning_rate=0.05, warmup_epochs=10, fit="crop",
    )  # fmt: skip
    assert machine.dataset(experiment)[0].train.pixels.shape == (80, 3, 12, 12)


def test_all_models_and_seeds_are_trained_by_one_recipe(flowers, full, monkeypatch):
    write_wide(flowers)
    counted, compute = [], ChannelSums.mean_and_std
    monkeypatch.setattr(ChannelSums, "mean_and_std", lambda sums: counted.append(sums.count) or compute(sums))
    machine = Machine(full)
    experiments = [
        *planned(full, flowers, "resnet8", "resnet50"),
        *planned(full, flowers, "resnet8", "resnet50", seed=1),
    ]
    recipes = {machine.case(one).recipe for one in experiments}
    assert {recipe.image_size for recipe in recipes} == {224}
    assert len(recipes) == len(counted) == 1


def test_grey_images_stay_one_channel(full, tmp_path):
    grey = f"folder:{write_class_folders(tmp_path / 'grey', size=9, channels=1)}"
    (experiment,) = planned(full, grey, "resnet8")
    machine = Machine(full)
    assert len(machine.case(experiment).recipe.augmentation.mean) == 1
    assert machine.dataset(experiment)[0].train.pixels.shape == (4, 1, 9, 9)


def test_epochs_option_shortens_what_the_images_decided(flowers, make_settings):
    for epochs, mode, milestones in (("20", "shortened", (10, 15)), ("200", "full", (100, 150))):
        settings = make_settings(full_training=True, epochs=epochs)
        case = Machine(settings).case(*planned(settings, flowers, "resnet8"))
        assert (case.mode, case.recipe.epochs, case.recipe.milestones) == (mode, int(epochs), milestones)


def test_quick_mode_resolves_on_its_slice_without_loading_all(flowers, make_settings, monkeypatch):
    monkeypatch.setattr(registry, "load", lambda *_, **__: pytest.fail("all images were loaded"))
    settings = make_settings()
    write_wide(flowers)
    case = Machine(settings).case(*planned(settings, flowers, "resnet50"))
    assert (case.mode, case.recipe.epochs, case.recipe.image_size) == ("quick", 2, 64)
    assert case.recipe.augmentation.padding == 8


def test_resolved_experiment_is_bound_to_the_same_case(flowers, full):
    study = Study(full)
    (experiment,) = planned(full, flowers, "resnet8")
    study.prepare([experiment])
    resolved = study.resolved(experiment)
    assert resolved.recipe == study.case(experiment).recipe
    assert resolved.mode == "full"
    assert study.case(resolved) == study.case(experiment)
    assert study.epochs_left(experiment) == study.epochs_left(resolved) == 200


def test_fit_decides_the_images_and_the_case(flowers, full):
    write_wide(flowers)
    machine = Machine(full)
    crop, squash = (
        machine.case(*planned(full, flowers, "resnet8", recipe=Standard(fit=fit))) for fit in ("crop", "squash")
    )
    assert (crop.recipe.fit, squash.recipe.fit) == ("crop", "squash")
    assert crop.data_fingerprint != squash.data_fingerprint


def test_standard_recipe_of_a_published_dataset_keeps_its_size(make_settings):
    settings = make_settings()
    case = Machine(settings).case(*planned(settings, "cifar10", "resnet50", recipe=Standard(augment="none")))
    assert (case.recipe.name, case.recipe.image_size) == ("standard-none", 32)


@pytest.mark.parametrize(
    ("dataset", "recipe", "says"),
    [
        ("gtsrb", Standard(), "recipe 'standard' does not resize images, and those of gtsrb differ in size"),
        ("cifar10", Standard(image_size=64), "recipe 'standard' is for images of 64×64, cifar10 has 32×32"),
    ],
)
def test_published_images_are_not_resized(dataset, recipe, says, make_settings):
    settings = make_settings()
    with pytest.raises(InputError, match=says):
        Machine(settings).prepare(planned(settings, dataset, "resnet8", recipe=recipe))


def test_outline_differs_from_the_recipe_by_its_statistics_alone(flowers, full):
    (experiment,) = planned(full, flowers, "resnet8")
    resolved = Machine(full).resolved(experiment)
    outlined = outline(experiment, full, registry.get_spec(flowers), 80)
    statistics = {"mean": resolved.recipe.augmentation.mean, "std": resolved.recipe.augmentation.std}
    assert outlined.recipe != resolved.recipe
    assert replace(outlined.recipe, augmentation=replace(outlined.recipe.augmentation, **statistics)) == resolved.recipe
    assert outline(resolved, full, registry.get_spec(flowers), 80) is resolved


@pytest.mark.usefixtures("timed")
def test_plan_outlines_the_recipe_without_loading_the_images(flowers, full, monkeypatch):
    monkeypatch.setattr(registry, "load", lambda *_, **__: pytest.fail("the images were loaded"))
    (planned_case,) = plan(planned(full, flowers, "resnet8"), full, CPU, "fp32")
    assert planned_case.estimate.epochs == planned_case.experiment.recipe.epochs == 200
    assert planned_case.experiment.recipe.image_size == 12
    assert not planned_case.is_finished


@pytest.mark.usefixtures("timed")
def test_plan_knows_the_finished_case_of_a_standard_recipe(flowers, make_settings):
    settings = make_settings(full_training=True)
    given = Standard(epochs=1, batch_size=64)
    study, (experiment,) = Study(settings), planned(settings, flowers, "resnet8", recipe=given)
    study.prepare([experiment])
    study.train(experiment)
    (planned_case,) = plan([experiment], settings, CPU, "fp32")
    assert planned_case.is_finished
    assert planned_case.experiment.recipe == study.case(experiment).recipe
    (other,) = plan(planned(settings, flowers, "resnet8", recipe=replace(given, augment="none")), settings, CPU, "fp32")
    assert not other.is_finished


def test_a_librarys_dataset_is_downloaded_before_its_size_is_read(full, make_settings, tmp_path, monkeypatch):
    images, done = registry.load("digits", tmp_path), []
    monkeypatch.setattr(registry, "locate_or_download", lambda name, *_, **__: done.append(name) or DIGITS_SOURCE)
    monkeypatch.setattr(registry, "get_spec", lambda name, *_: done.append("size") or replace(images.spec, name=name))
    monkeypatch.setattr(registry, "load", lambda *_, **__: images)
    monkeypatch.setattr(registry, "load_slice", lambda *_, **__: images)
    monkeypatch.setattr(registry, "locate", lambda *_, **__: None)
    (experiment,) = planned(full, "torchvision:EMNIST", "resnet8")
    assert Machine(full).resolved(experiment).recipe.image_size == 8
    assert done[:2] == ["torchvision:EMNIST", "size"]
    quick = replace(experiment, mode="quick")
    assert Machine(make_settings()).resolved(quick).recipe.image_size == 32  # digits stand in
