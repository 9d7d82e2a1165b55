"""The standard recipe: what the images decide, and the limits of its rules."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness
from harness.config.recipe import Augmentation, Recipe, check_recipe
from harness.config.recipes import CIFAR10, DIGITS
from harness.config.standard import Standard
from harness.errors import InputError

MEAN, STD = (0.4821, 0.4513, 0.4002), (0.2, 0.21, 0.22)


def resolved(train_images=10_000, size=64, **fields):
    return Standard(**fields).resolve(size, train_images, MEAN, STD)


def test_standard_is_part_of_the_public_api():
    assert harness.Standard is Standard


def test_standard_recipe_flips_pads_and_crops_at_the_images_own_mean():
    recipe = resolved(size=32)
    assert recipe.augmentation == Augmentation(MEAN, STD, horizontal_flip=True, padding=4)
    assert (recipe.name, recipe.image_size, recipe.fit) == ("standard", 32, "crop")


@pytest.mark.parametrize(("size", "padding"), [(8, 1), (4, 1), (28, 4), (32, 4), (64, 8), (224, 28)])
def test_padding_grows_with_the_image(size, padding):
    assert resolved(size=size).augmentation.padding == padding


def test_augment_none_only_normalises():
    recipe = resolved(augment="none", fit="squash")
    assert (recipe.name, recipe.fit, recipe.augmentation) == ("standard-none", "squash", Augmentation(MEAN, STD))


def test_augment_paper_is_that_of_cifar10_at_the_images_own_mean():
    recipe = resolved(augment="paper")
    assert (recipe.name, recipe.augmentation) == ("standard-paper", replace(CIFAR10.augmentation, mean=MEAN, std=STD))


@pytest.mark.parametrize(
    ("images", "epochs", "milestones"),
    [
        (1, 200, (100, 150)),
        (20_000, 200, (100, 150)),
        (50_000, 80, (40, 60)),
        (133_334, 30, (15, 23)),
        (10**7, 30, (15, 23)),
    ],
)
def test_epochs_follow_the_number_of_images_within_30_to_200(images, epochs, milestones):
    recipe = resolved(images)
    assert (recipe.epochs, recipe.milestones) == (epochs, milestones)


@pytest.mark.parametrize(
    ("images", "batch_size", "rate"), [(12, 32, 0.05), (2048, 64, 0.071), (4095, 64, 0.071), (4096, 128, 0.1)]
)
def test_few_images_get_smaller_batches_at_a_lower_rate(images, batch_size, rate):
    recipe = resolved(images)
    assert (recipe.batch_size, recipe.learning_rate) == (batch_size, rate)


def test_rate_of_small_batches_is_that_of_the_digits():
    assert resolved(360).learning_rate == DIGITS.learning_rate
    assert resolved(360).batch_size == DIGITS.batch_size


def test_given_values_replace_the_rules():
    recipe = resolved(epochs=12, batch_size=16, learning_rate=0.3)
    assert (recipe.epochs, recipe.milestones, recipe.batch_size, recipe.learning_rate) == (12, (6, 9), 16, 0.3)


@given(st.integers(1, 10**8), st.none() | st.integers(1, 500))
@settings(deadline=None, max_examples=200)
def test_every_number_of_images_gives_a_recipe_that_is_accepted(images, epochs):
    recipe = resolved(images, epochs=epochs)
    assert isinstance(recipe, Recipe)
    for one in (recipe, recipe.quick(), recipe.with_epochs(3)):
        check_recipe(one)
        assert one.learning_rate_at(one.epochs - 1) > 0


@pytest.mark.parametrize(
    ("given", "own_size", "size"),
    [
        ({}, 28, 28),
        ({}, 96, 96),
        ({}, 97, 224),
        ({}, None, 224),
        ({"image_size": 48}, 28, 48),
        ({"image_size": 48}, None, 48),
    ],
)
def test_small_squares_of_one_size_keep_it_unless_a_size_is_given(given, own_size, size):
    assert Standard(fallback_size=224, **given).size_for(own_size) == size


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"augment": "papers"}, "augment 'papers': give 'none' or 'standard' or 'paper'"),
        ({"fit": "stretch"}, "fit 'stretch': give 'crop' or 'squash'"),
        ({"epochs": 0}, "recipe 'standard': epochs 0: give a whole number, 1 or more"),
        ({"image_size": 32.0}, "recipe 'standard': image_size 32.0: give a whole number"),
        ({"batch_size": -1}, "recipe 'standard': batch_size -1: give a whole number"),
        ({"learning_rate": 0}, "recipe 'standard': learning_rate 0: give a positive number"),
    ],
)
def test_impossible_values_are_refused(wrong, says):
    with pytest.raises(InputError, match=says):
        Standard(**wrong)
