import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.families import Family, parse_model
from harness.config.recipe import Augmentation, Recipe, Resize, check_recipe
from harness.config.recipes import (
    CIFAR10,
    DIGITS,
    FASHIONMNIST,
    GTSRB,
    PUBLISHED_RECIPES,
    default_recipe,
    sized_for,
)
from harness.config.standard import Standard
from harness.errors import InputError
from tests.helpers import REPOSITORY

PAPER = [CIFAR10, FASHIONMNIST, GTSRB]
ALL = [*PAPER, DIGITS]
PLAIN = Augmentation(mean=(0.5,), std=(0.5,))


def by_name(recipe):
    return recipe.name


@st.composite
def recipes(draw, most_warmup=0):
    epochs = draw(st.integers(1, 400))
    milestones = draw(st.lists(st.integers(1, max(1, epochs - 1)), max_size=4 * (epochs > 1)).map(sorted).map(tuple))
    return Recipe("drawn", epochs, milestones, 128, 32, PLAIN, warmup_epochs=draw(st.integers(0, most_warmup)))


@pytest.mark.parametrize(
    ("recipe", "name", "epochs", "milestones", "batch_size", "image_size"),
    [
        (CIFAR10, "cifar10", 300, (120, 200, 250), 128, 32),
        (FASHIONMNIST, "fashionmnist", 150, (50, 90, 110), 128, 28),
        (GTSRB, "gtsrb", 40, (20,), 64, 225),
    ],
)
def test_schedules_batches_and_sizes_are_the_papers(recipe, name, epochs, milestones, batch_size, image_size):
    assert (recipe.name, recipe.epochs, recipe.milestones) == (name, epochs, milestones)
    assert (recipe.batch_size, recipe.image_size) == (batch_size, image_size)


@pytest.mark.parametrize("recipe", PAPER, ids=by_name)
def test_the_optimizer_is_the_papers(recipe):
    assert recipe.learning_rate == 0.1
    assert recipe.gamma == 0.1
    assert recipe.momentum == 0.9
    assert recipe.nesterov is True
    assert recipe.weight_decay == 1e-4
    assert recipe.warmup_epochs == 0


@pytest.mark.parametrize(
    ("recipe", "augmentation"),
    [
        (
            CIFAR10,
            Augmentation((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), True, True, 30, (0.75, 1.0), False),
        ),
        (FASHIONMNIST, Augmentation((0.1307,), (0.3081,), True, True, 30, None, False)),
        (GTSRB, Augmentation((0.5,) * 3, (0.5,) * 3, True, True, 45, None, True)),
    ],
    ids=["cifar10", "fashionmnist", "gtsrb"],
)
def test_augmentations_are_the_papers(recipe, augmentation):
    assert recipe.augmentation == augmentation


def test_digits_are_never_flipped():
    assert not DIGITS.augmentation.horizontal_flip
    assert not DIGITS.augmentation.vertical_flip


def test_every_recipe_is_listed_by_its_name():
    assert {"cifar10": CIFAR10, "fashionmnist": FASHIONMNIST, "gtsrb": GTSRB, "digits": DIGITS} == PUBLISHED_RECIPES


@pytest.mark.parametrize(
    ("recipe", "epoch", "rate"),
    [
        (CIFAR10, 0, 0.1),
        (CIFAR10, 119, 0.1),
        (CIFAR10, 120, 0.01),
        (CIFAR10, 199, 0.01),
        (CIFAR10, 200, 0.001),
        (CIFAR10, 249, 0.001),
        (CIFAR10, 250, 0.0001),
        (CIFAR10, 299, 0.0001),
        (FASHIONMNIST, 49, 0.1),
        (FASHIONMNIST, 50, 0.01),
        (FASHIONMNIST, 89, 0.01),
        (FASHIONMNIST, 90, 0.001),
        (FASHIONMNIST, 109, 0.001),
        (FASHIONMNIST, 110, 0.0001),
        (FASHIONMNIST, 149, 0.0001),
        (GTSRB, 0, 0.1),
        (GTSRB, 19, 0.1),
        (GTSRB, 20, 0.01),
        (GTSRB, 39, 0.01),
    ],
)
def test_learning_rate_falls_tenfold_at_each_milestone(recipe, epoch, rate):
    assert recipe.learning_rate_at(epoch) == pytest.approx(rate, rel=1e-12)


def test_learning_rate_agrees_with_torchs_scheduler():
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[50, 90, 110], gamma=0.1)
    for epoch in range(150):
        assert FASHIONMNIST.learning_rate_at(epoch) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_warm_up_ramps_linearly_to_the_full_rate():
    rates = [DIGITS.learning_rate_at(epoch) for epoch in range(6)]

    assert rates == pytest.approx([0.0125, 0.025, 0.0375, 0.05, 0.05, 0.05])


def test_warm_up_and_milestones_multiply():
    recipe = Recipe("x", 10, (2,), 1, 8, PLAIN, learning_rate=1.0, gamma=0.5, warmup_epochs=3)

    assert [recipe.learning_rate_at(epoch) for epoch in range(5)] == pytest.approx([0.25, 0.5, 0.375, 0.5, 0.5])


@pytest.mark.parametrize(
    ("recipe", "epochs", "milestones"),
    [
        (CIFAR10, 30, (12, 20, 25)),
        (CIFAR10, 300, (120, 200, 250)),
        (CIFAR10, 600, (240, 400, 500)),
        (CIFAR10, 7, (3, 5, 6)),  # 2.8, 4.67, 5.83
        (CIFAR10, 3, (2, 2, 3)),  # 1.2, 2, 2.5: the last is never reached
        (CIFAR10, 2, (1, 2, 2)),
        (CIFAR10, 1, (1, 1, 1)),
        (FASHIONMNIST, 15, (5, 9, 11)),
        (FASHIONMNIST, 10, (4, 6, 8)),  # 3.33, 6, 7.33
        (GTSRB, 4, (2,)),
        (GTSRB, 5, (3,)),  # 2.5
        (DIGITS, 10, (6, 9)),  # 5.83, 8.33
    ],
)
def test_milestones_scale_in_proportion(recipe, epochs, milestones):
    shortened = recipe.with_epochs(epochs)

    assert (shortened.epochs, shortened.milestones) == (epochs, milestones)


@pytest.mark.parametrize(("epochs", "warmup"), [(24, 3), (48, 6), (16, 2), (8, 1), (7, 0), (1, 0)])
def test_warm_up_scales_in_proportion(epochs, warmup):
    assert DIGITS.with_epochs(epochs).warmup_epochs == warmup


@given(recipes(), st.integers(1, 1000))
@settings(deadline=None)
def test_a_milestone_rounds_up_to_the_next_epoch(recipe, epochs):
    for before, after in zip(recipe.milestones, recipe.with_epochs(epochs).milestones, strict=True):
        assert (after - 1) * recipe.epochs < before * epochs <= after * recipe.epochs


@given(recipes(), st.integers(1, 1000), st.data())
@settings(deadline=None)
def test_a_shortened_epoch_has_the_full_recipes_rate_at_its_start(recipe, epochs, data):
    epoch = data.draw(st.integers(0, epochs - 1))

    rate = recipe.with_epochs(epochs).learning_rate_at(epoch)

    assert rate == pytest.approx(recipe.learning_rate_at(epoch * recipe.epochs // epochs), rel=1e-9)


@given(recipes(), st.integers(1, 1000))
@settings(deadline=None)
def test_the_first_epoch_always_has_the_full_rate(recipe, epochs):
    assert recipe.with_epochs(epochs).learning_rate_at(0) == recipe.learning_rate


@pytest.mark.parametrize("recipe", ALL, ids=by_name)
def test_a_single_epoch_has_the_full_rate(recipe):
    assert recipe.with_epochs(1).learning_rate_at(0) == recipe.learning_rate


@given(recipes(most_warmup=5))
@settings(deadline=None)
def test_the_recipes_own_number_of_epochs_changes_nothing(recipe):
    assert recipe.with_epochs(recipe.epochs) == recipe


@given(recipes(most_warmup=5), st.integers(1, 1000))
@settings(deadline=None)
def test_shortened_and_quick_recipes_have_milestones_within_their_epochs(recipe, epochs):
    for one in (recipe.with_epochs(epochs), recipe.quick()):
        check_recipe(one)


@pytest.mark.parametrize(
    ("epochs", "milestones"),
    [(4, (120, 200, 250)), (30, (31,)), (30, (20, 10)), (30, (-1,)), (1, (2,))],
)
def test_milestones_beyond_the_epochs_or_out_of_order_are_refused(epochs, milestones):
    wrong = replace(CIFAR10, epochs=epochs, milestones=milestones)
    with pytest.raises(InputError) as caught:
        check_recipe(wrong)
    message = str(caught.value)
    assert f"recipe 'cifar10': milestones {milestones} with {epochs} epochs" in message
    assert f"harness.CIFAR10.with_epochs({epochs})" in message
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize("milestones", [(), (0,), (10, 10, 29), (20, 30)])
def test_milestones_in_order_within_the_epochs_are_accepted(milestones):
    check_recipe(replace(CIFAR10, epochs=30, milestones=milestones))


@pytest.mark.parametrize("recipe", ALL, ids=by_name)
def test_another_number_of_epochs_changes_only_the_schedule(recipe):
    shortened = recipe.with_epochs(7)

    schedule = {"epochs": recipe.epochs, "milestones": recipe.milestones, "warmup_epochs": recipe.warmup_epochs}
    assert replace(shortened, **schedule) == recipe


@pytest.mark.parametrize("epochs", [0, -1, -300])
def test_epochs_below_1_are_refused(epochs):
    with pytest.raises(InputError, match=rf"epochs {epochs}: give 1 or more"):
        CIFAR10.with_epochs(epochs)


@pytest.mark.parametrize(
    ("recipe", "milestones", "image_size"),
    [(CIFAR10, (1, 2, 2), 32), (FASHIONMNIST, (1, 2, 2), 28), (GTSRB, (1,), 64), (DIGITS, (2, 2), 8)],
    ids=["cifar10", "fashionmnist", "gtsrb", "digits"],
)
def test_quick_recipe_has_two_epochs_of_small_batches_and_images(recipe, milestones, image_size):
    quick = recipe.quick()

    assert (quick.epochs, quick.milestones, quick.warmup_epochs) == (2, milestones, 0)
    assert (quick.batch_size, quick.image_size) == (8, image_size)


@pytest.mark.parametrize("recipe", ALL, ids=by_name)
def test_quick_recipe_keeps_optimizer_and_augmentation(recipe):
    quick = recipe.quick()

    for name in ("name", "augmentation", "gamma", "momentum", "nesterov", "weight_decay"):
        assert getattr(quick, name) == getattr(recipe, name)
    assert quick.learning_rate / recipe.learning_rate == quick.batch_size / recipe.batch_size


def test_quick_recipe_never_enlarges():
    small = replace(CIFAR10, batch_size=4, image_size=16).quick()

    assert (small.batch_size, small.image_size) == (4, 16)


def test_quick_recipe_pads_in_proportion_to_its_smaller_images():
    large = replace(GTSRB, image_size=224, augmentation=replace(PLAIN, padding=28))

    assert (large.quick().image_size, large.quick().augmentation.padding) == (64, 8)


@pytest.mark.parametrize("dataset", ["cifar10", "fashionmnist", "gtsrb", "digits"])
def test_a_dataset_of_the_study_has_its_own_recipe(dataset):
    assert default_recipe(dataset) is PUBLISHED_RECIPES[dataset]


@pytest.mark.parametrize("dataset", ["folder:x", "npz:x.npz", "csv:x.csv", "torchvision:CIFAR100", "hf:mnist"])
def test_own_images_and_a_librarys_have_the_standard_recipe(dataset):
    assert default_recipe(dataset) == Standard()


OWN = Family("own", lambda *_: None)
SIZED = replace(OWN, name="sized", recipe=Standard(image_size=80))


@pytest.mark.parametrize(
    ("models", "image_size", "fallback_size"),
    [
        (["resnet20", "resnet20-4"], None, 32),
        (["resnet20", "resnet50"], None, 224),
        (["resnet20", OWN(depth=2)], None, 64),
        ([OWN(depth=2), SIZED(depth=2), SIZED(depth=4)], 80, 64),
    ],
)
def test_one_image_size_suits_all_models_that_are_compared(models, image_size, fallback_size):
    models = [parse_model(one) if isinstance(one, str) else one for one in models]
    sized = sized_for(Standard(), models)
    assert (sized.image_size, sized.fallback_size) == (image_size, fallback_size)
    assert sized_for(Standard(image_size=48), models).image_size == 48


def test_a_recipe_resizes_to_its_size_and_squashes_unless_told():
    assert (CIFAR10.resize, replace(CIFAR10, fit="crop").resize) == (Resize(32, "squash"), Resize(32, "crop"))
    with pytest.raises(InputError, match="recipe 'cifar10': fit 'stretch': give 'crop' or 'squash'"):
        replace(CIFAR10, fit="stretch")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"rotate_first": True, "crop_scale": (0.5, 1.0)}, r"rotate_first with crop_scale \(0.5, 1.0\)"),
        ({"mean": (0.5, 0.5, 0.5)}, "mean has 3 channels, std 1"),
        ({"std": (0.5, 0.5)}, "mean has 1 channels, std 2"),
        ({"crop_scale": (0.0, 1.0)}, r"crop_scale \(0.0, 1.0\)"),
        ({"crop_scale": (-0.5, 1.0)}, "crop_scale"),
        ({"crop_scale": (0.9, 0.8)}, "crop_scale"),
        ({"padding": -1}, "padding -1: give a whole number of pixels, 0 or more"),
        ({"padding": 1.5}, "padding 1.5"),
        ({"padding": 4, "rotate_first": True}, "padding 4 with rotate_first: give only one"),
        ({"padding": 4, "crop_scale": (0.5, 1.0)}, "padding 4 with crop_scale"),
        ({"crop_scale": (0.5, 1.01)}, "crop_scale"),
        ({"crop_scale": (math.nan, 1.0)}, "crop_scale"),
        ({"crop_scale": (0.5, math.nan)}, "crop_scale"),
    ],
)
def test_an_impossible_augmentation_is_refused(wrong, named):
    with pytest.raises(InputError, match=named) as caught:
        replace(PLAIN, **wrong)
    assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.5, 0.5), (1e-9, 1.0), (0.75, 1.0)])
def test_extreme_but_possible_crops_are_accepted(scale):
    assert replace(PLAIN, crop_scale=scale).crop_scale == scale


@pytest.mark.parametrize("name", ["epochs", "batch_size", "image_size"])
def test_sizes_beyond_all_that_can_be_trained_are_refused(name):
    for value in (10**7, 2**70, 10**400):
        with pytest.raises(InputError, match=f"recipe 'cifar10': {name} 1[0-9]*…?: give .* at most"):
            replace(CIFAR10, **{name: value})


@pytest.mark.parametrize("name", ["learning_rate", "momentum", "weight_decay"])
def test_infinite_hyperparameters_are_refused(name):
    with pytest.raises(InputError, match=f"recipe 'cifar10': {name} inf: give"):
        replace(CIFAR10, **{name: math.inf})


def test_a_recipe_needs_no_torch():
    import subprocess
    import sys

    code = "import sys, harness.config.recipes, harness.paper.published; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
