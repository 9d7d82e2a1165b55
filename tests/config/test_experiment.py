from dataclasses import replace

import pytest

from harness.config.case import Case
from harness.config.experiment import labels_of, plan_experiment
from harness.config.recipes import CIFAR10, GTSRB
from harness.config.settings import read_settings
from harness.errors import InputError

FULL = read_settings({"full_training": True}, {})


def test_a_dataset_has_its_own_recipe_and_a_folder_the_familys():
    assert plan_experiment(FULL, "cifar10", "resnet50", 0).recipe == CIFAR10
    small, large = (plan_experiment(FULL, "folder:/x", model, 0).recipe for model in ("resnet20", "resnet50"))
    assert (small.image_size, small.augmentation) == (32, CIFAR10.augmentation)
    assert (large.image_size, large.augmentation) == (225, GTSRB.augmentation)


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
        ("cifar10", "resnet20", "cifar10", "recipe 'cifar10' is not a Recipe"),
    ],
)
def test_unknown_names_and_recipes_are_refused(dataset, model, recipe, says):
    with pytest.raises(InputError, match=says):
        plan_experiment(FULL, dataset, model, 0, recipe)


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
