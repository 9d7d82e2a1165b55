"""An experiment: what is asked for, before data and device are known. Needs no torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.config.case import Case, Mode, Pipeline
from harness.config.datasets import check_dataset_name
from harness.config.families import Model, parse_model
from harness.config.recipe import MAX_NAME_CHARACTERS, Recipe, check_recipe
from harness.config.recipes import default_recipe, sized_for
from harness.config.settings import Settings
from harness.config.standard import Standard
from harness.config.variant import PLAIN, TUNED_NAME, Variant
from harness.text import distinct_labels


@dataclass(frozen=True)
class Experiment:
    """One model on one dataset with one seed, by a recipe adapted to the settings.

    Attributes:
        recipe: as given until the images are known; then a `Recipe`, see `harness.study.resolution`.
        own: the user's own network; None for one that comes with the harness.
        variant: what the case changes of the recipe and of the images.
    """

    dataset: str
    model: str
    seed: int
    recipe: Recipe | Standard
    mode: Mode
    own: Model | None = None
    variant: Variant = PLAIN

    @property
    def network(self) -> Model:
        """The model's place in its family, and how it is built."""
        return self.own or parse_model(self.model)

    @property
    def resolved_recipe(self) -> Recipe:
        """The recipe of a prepared experiment."""
        assert isinstance(self.recipe, Recipe), f"{self.label} is not prepared: its images decide its recipe"
        return self.recipe

    @property
    def at_common_rate(self) -> "Experiment":
        """A tuned experiment's counterpart at the recipe's own learning rate; any other experiment as it is."""
        variant, rate = self.variant, self.variant.common_rate
        if not variant.is_tuned:
            return self
        recipe = self.recipe if rate is None else replace(self.resolved_recipe, learning_rate=rate)
        name = variant.name.removesuffix(TUNED_NAME).removesuffix("-")
        plain = replace(variant, learning_rate=None, common_rate=None, is_tuned=False, name=name)
        return replace(self, recipe=recipe, variant=plain)

    @property
    def label(self) -> str:
        """The human-readable name: ``cifar10 resnet20-4 seed 0``, with the variant's if several are compared."""
        return f"{self.dataset} {self.model} seed {self.seed} {self.variant.name}".rstrip()

    def bind(
        self,
        *,
        device_kind: str,
        precision: str,
        data_fingerprint: str = "",
        val_split: float = 0.0,
        pipeline: Pipeline = "fast",
        compiled: bool = False,
        network: str = "",
        deterministic: bool = False,
    ) -> Case:
        """Build the case of this experiment on given images, kind of device and precision.

        Args:
            data_fingerprint: SHA-256 of the images and labels; empty for a case that is timed on random images.

        Raises:
            InputError: the model's name is not canonical.
        """
        return Case(
            model=self.model,
            dataset=self.dataset,
            recipe=self.resolved_recipe,
            seed=self.seed,
            mode=self.mode,
            device_kind=device_kind,
            precision=precision,
            data_fingerprint=data_fingerprint,
            val_split=val_split,
            pipeline=pipeline,
            compiled=compiled,
            network=network,
            deterministic=deterministic,
            train_fraction=self.variant.train_fraction,
        )


def labels_of(experiments: Sequence[Experiment]) -> list[str]:
    """Return each experiment's label, with its recipe's name if another recipe has the same label."""
    digests = [one.resolved_recipe.digest for one in experiments]
    recipes = distinct_labels(
        {digest: one.recipe.name for digest, one in zip(digests, experiments, strict=True)}, MAX_NAME_CHARACTERS
    )
    labels = [one.label for one in experiments]
    return [
        f"{label} {recipes[digest]}" if labels.count(label) > 1 else label
        for label, digest in zip(labels, digests, strict=True)
    ]


def plan_experiment(
    settings: Settings,
    dataset: str,
    model: str | Model,
    seed: int,
    recipe: Recipe | Standard | None = None,
    models: Iterable[str | Model] = (),
    variant: Variant | None = None,
) -> Experiment:
    """Return the experiment for a dataset, a model and a seed under these settings.

    Args:
        recipe: None for the model's own or else the dataset's.
        models: all models that are compared, if there are others: a standard recipe trains them at one image size.
        variant: what the case changes of the recipe and of the images; None for the settings' first.

    Raises:
        InputError: the dataset or model is unknown, or the recipe is not a `Recipe` with milestones in order.
    """
    parsed, variant = _parsed(model), variant or settings.variants()[0]
    check_dataset_name(dataset)
    recipe = recipe or parsed.recipe
    if recipe is None:
        recipe = default_recipe(dataset)
    own = parsed if parsed.build is not None else None
    if isinstance(recipe, Standard):
        recipe = sized_for(recipe, [parsed, *map(_parsed, models)])
        return Experiment(dataset, parsed.name, seed, recipe, settings.mode_of(recipe.epochs, variant), own, variant)
    check_recipe(recipe)
    adapted_recipe, mode = adapted(recipe, settings, variant, is_foreign=parsed.is_foreign)
    return Experiment(dataset, parsed.name, seed, adapted_recipe, mode, own, variant)


def adapted(recipe: Recipe, settings: Settings, variant: Variant, *, is_foreign: bool) -> tuple[Recipe, Mode]:
    """Return a model's recipe adapted to the settings and the variant, and the mode that this makes.

    A foreign network keeps its images' size and augmentation in a quick run: it may not take smaller images.
    """
    shortened, mode = settings.adapt(recipe, variant)
    if is_foreign:
        shortened = replace(shortened, image_size=recipe.image_size, augmentation=recipe.augmentation)
    return shortened, mode


def _parsed(model: str | Model) -> Model:
    return parse_model(model) if isinstance(model, str) else model
