"""An experiment: what is asked for, before data and device are known. Needs no torch."""

from dataclasses import dataclass

from harness.config.case import Mode
from harness.config.datasets import check_dataset_name
from harness.config.families import parse_model
from harness.config.recipes import Recipe, default_recipe
from harness.config.settings import Settings
from harness.errors import InputError


@dataclass(frozen=True)
class Experiment:
    """One model on one dataset with one seed, by a recipe as the settings have it trained."""

    dataset: str
    model: str
    seed: int
    recipe: Recipe
    mode: Mode

    @property
    def label(self) -> str:
        """How a person names it: ``cifar10 resnet20-4 seed 0``."""
        return f"{self.dataset} {self.model} seed {self.seed}"


def plan_experiment(
    settings: Settings, dataset: str, model: str, seed: int, recipe: Recipe | None = None
) -> Experiment:
    """The experiment that the settings make of a dataset, a model and a seed.

    Args:
        recipe: how to train; None for the dataset's own.

    Raises:
        InputError: a name is none, or the recipe is no `Recipe`.
    """
    parsed = parse_model(model)
    check_dataset_name(dataset)
    if recipe is not None and not isinstance(recipe, Recipe):
        raise InputError(
            f"recipe {recipe!r} is no Recipe: give e.g. harness.CIFAR10, or dataclasses.replace(harness.CIFAR10, …)"
        )
    shaped, mode = settings.shape(recipe or default_recipe(dataset, parsed.family))
    return Experiment(dataset, parsed.name, seed, shaped, mode)
