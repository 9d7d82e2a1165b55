"""The recipes of experiments once their images are known, which decide what a `Standard` leaves open."""

from collections.abc import Callable
from dataclasses import replace

from harness.config.datasets import DatasetSpec
from harness.config.experiment import Experiment, adapted
from harness.config.recipe import QUICK_IMAGE_SIZE, Recipe, Resize
from harness.config.settings import Settings
from harness.data.registry import Dataset

_ASSUMED = 0.5  # mean and standard deviation, where only times are of interest


def resize_of(experiment: Experiment, own_size: int | None) -> Resize:
    """Return the size to load the experiment's images at, if they are resized when they are loaded.

    Args:
        own_size: side of the images if all are squares of one size; None otherwise.
    """
    recipe = experiment.recipe
    if isinstance(recipe, Recipe):
        return recipe.resize
    size = recipe.size_for(own_size)
    is_small = experiment.mode == "quick" and not experiment.network.is_foreign
    return Resize(min(size, QUICK_IMAGE_SIZE) if is_small else size, recipe.fit)


def resolve(
    experiment: Experiment, settings: Settings, own_size: int | None, load: Callable[[Resize], Dataset]
) -> Experiment:
    """Return the experiment with the recipe that its images decide, adapted to the settings.

    Args:
        own_size: as for `resize_of`.
        load: returns the images at a size.

    Raises:
        InputError: the images are missing or damaged.
    """
    if isinstance(experiment.recipe, Recipe):
        return experiment
    resize = resize_of(experiment, own_size)
    images = load(resize).train
    recipe = experiment.recipe.resolve(resize.size, len(images), *images.channel_sums().mean_and_std())
    return _adapted(experiment, settings, recipe)


def outline(experiment: Experiment, settings: Settings, spec: DatasetSpec, train_images: int) -> Experiment:
    """Return the experiment as `resolve` does, with assumed mean and deviation instead of images.

    Args:
        train_images: the number of training images.
    """
    if isinstance(experiment.recipe, Recipe):
        return experiment
    assumed = (_ASSUMED,) * spec.channels
    recipe = experiment.recipe.resolve(resize_of(experiment, spec.image_size).size, train_images, assumed, assumed)
    return _adapted(experiment, settings, recipe)


def _adapted(experiment: Experiment, settings: Settings, recipe: Recipe) -> Experiment:
    shortened, mode = adapted(recipe, settings, experiment.variant, is_foreign=experiment.network.is_foreign)
    return replace(experiment, recipe=shortened, mode=mode)
