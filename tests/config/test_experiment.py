from dataclasses import replace

import pytest

from harness.config.case import Case
from harness.config.experiment import adapted, labels_of, plan_experiment
from harness.config.recipe import Augmentation
from harness.config.recipes import CIFAR10, GTSRB
from harness.config.settings import read_settings
from harness.config.standard import Standard
from harness.config.variant import PLAIN, Variant
from harness.errors import InputError

FULL = read_settings({"full_training": True}, {})


def test_a_dataset_has_its_own_recipe_and_a_folder_the_standard_one():
    assert plan_experiment(FULL, "cifar10", "resnet50", 0).recipe == CIFAR10
    small, large = (plan_experiment(FULL, "folder:/x", model, 0).recipe for model in ("resnet20", "resnet50"))
    assert (small, large) == (Standard(fallback_size=32), Standard(fallback_size=224))
    assert plan_experiment(FULL, "folder:/x", "resnet20", 0, models=["resnet20", "resnet50"]).recipe == large


@pytest.mark.parametrize(
    ("model", "size"),
    [("resnet50", 224), ("plain50", 224), ("torchvision:resnet18", 224), ("plain20", 32), ("wrn10-2-dropout0.3", 32)],
)
def test_a_family_is_trained_at_its_usual_image_size(model, size):
    assert plan_experiment(FULL, "folder:/x", model, 0).recipe == Standard(fallback_size=size)


def test_a_quick_run_keeps_size_and_padding_of_a_foreign_networks_images():
    recipe = replace(GTSRB, augmentation=Augmentation((0.5,), (0.5,), padding=28))
    quick, mode = adapted(recipe, read_settings({}, {}), PLAIN, is_foreign=True)
    assert mode == "quick"
    assert (quick.image_size, quick.augmentation) == (recipe.image_size, recipe.augmentation)


@pytest.mark.parametrize(
    ("options", "own_epochs", "mode"),
    [
        ({}, None, "quick"),
        ({"full_training": True}, None, "full"),
        ({"full_training": True, "epochs": "5"}, None, "shortened"),
        ({"full_training": True, "epochs": "5"}, 5, "full"),
    ],
)
def test_a_standard_recipe_is_left_open_in_a_known_mode(options, own_epochs, mode):
    given = Standard(epochs=own_epochs)
    planned = plan_experiment(read_settings(options, {}), "folder:/no/such", "resnet20", 0, given)
    assert (planned.recipe, planned.mode) == (replace(given, fallback_size=32), mode)
    with pytest.raises(AssertionError, match="is not prepared"):
        planned.bind(device_kind="cpu", precision="fp32")


def test_a_given_recipe_replaces_the_default():
    assert plan_experiment(FULL, "gtsrb", "resnet20", 0, CIFAR10).recipe == CIFAR10


def test_settings_make_the_recipe_quick_or_shortened():
    quick = plan_experiment(read_settings({}, {}), "cifar10", "resnet20", 0)
    assert (quick.mode, quick.recipe) == ("quick", CIFAR10.quick())
    short = plan_experiment(read_settings({"full_training": True, "epochs": "30"}, {}), "cifar10", "resnet20", 0)
    assert (short.mode, short.recipe.epochs, short.recipe.milestones) == ("shortened", 30, (12, 20, 25))


def test_the_model_has_its_canonical_name():
    assert plan_experiment(FULL, "cifar10", "resnet20-1", 3).label == "cifar10 resnet20 seed 3"


@pytest.mark.parametrize(
    ("dataset", "model", "recipe", "says"),
    [
        ("cifar100", "resnet20", None, "unknown dataset 'cifar100'"),
        ("cifar10", "vgg16", None, "unknown model 'vgg16'"),
        ("cifar10", "resnet20", "cifar10", "recipe 'cifar10' is not a Recipe: give e.g. harness.CIFAR10"),
        ("cifar10", "resnet20", replace(CIFAR10, epochs=4), "milestones .* with 4 epochs"),
    ],
)
def test_unknown_names_and_recipes_are_refused(dataset, model, recipe, says):
    with pytest.raises(InputError, match=says):
        plan_experiment(FULL, dataset, model, 0, recipe)


@pytest.mark.parametrize(("path", "offer"), [("my signs", "folder:"), ("table.csv", "csv:"), ("arrays.npz", "npz:")])
def test_path_without_its_prefix_is_offered_with_it(tmp_path, monkeypatch, path, offer):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my signs").mkdir()
    for file in ("table.csv", "arrays.npz"):
        (tmp_path / file).touch()
    with pytest.raises(InputError, match=f"unknown dataset '{path}': for your own images, give {offer}{path}"):
        plan_experiment(FULL, path, "resnet20", 0)


def test_bind_puts_every_field_into_the_case():
    experiment = plan_experiment(FULL, "cifar10", "resnet20-4", 7)
    case = experiment.bind(
        device_kind="cuda",
        precision="bf16",
        data_fingerprint="f" * 64,
        val_split=0.1,
        pipeline="reference",
        compiled=True,
    )
    assert case == Case(
        model="resnet20-4",
        dataset="cifar10",
        recipe=CIFAR10,
        seed=7,
        mode="full",
        device_kind="cuda",
        precision="bf16",
        data_fingerprint="f" * 64,
        val_split=0.1,
        pipeline="reference",
        compiled=True,
    )
    assert case.label == experiment.label


def test_a_variant_changes_schedule_share_of_the_images_and_learning_rate():
    variant = Variant(epochs=30, train_fraction=0.1, learning_rate=0.02, is_tuned=True, name="epochs30-tuned")
    experiment = plan_experiment(FULL, "cifar10", "resnet20", 7, variant=variant)
    case = experiment.bind(device_kind="cpu", precision="fp32")
    assert case.recipe == replace(CIFAR10.with_epochs(30), learning_rate=0.02)
    assert (case.train_fraction, case.mode) == (0.1, "shortened")
    assert experiment.label == "cifar10 resnet20 seed 7 epochs30-tuned"
    assert case.label == "cifar10 resnet20 seed 7 fraction0.1"
    standard = plan_experiment(FULL, "folder:/x", "resnet20", 0, variant=variant)
    assert (standard.variant, standard.mode) == (variant, "shortened")


def test_bind_refuses_a_model_name_that_is_not_canonical():
    with pytest.raises(InputError, match="give 'resnet20'"):
        replace(plan_experiment(FULL, "cifar10", "resnet20", 0), model="resnet20-1").bind(
            device_kind="cpu", precision="fp32"
        )


def test_labels_name_the_recipe_where_another_has_the_same_label():
    def experiment(name, learning_rate, model="resnet20"):
        return plan_experiment(
            read_settings({}, {}), "cifar10", model, 0, replace(CIFAR10, name=name, learning_rate=learning_rate)
        )

    first, second, third = experiment("lr0.1", 0.1), experiment("lr0.02", 0.02), experiment("lr0.1", 0.1, "resnet56")
    assert labels_of([first, third]) == ["cifar10 resnet20 seed 0", "cifar10 resnet56 seed 0"]
    assert labels_of([first, second, third]) == [
        "cifar10 resnet20 seed 0 lr0.1", "cifar10 resnet20 seed 0 lr0.02", "cifar10 resnet56 seed 0"
    ]  # fmt: skip
    assert len(set(labels_of([first, experiment("lr0.1", 0.2)]))) == 2
