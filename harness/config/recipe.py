"""A recipe: hyperparameters, learning-rate schedule and augmentation; its shortened and quick forms.

Needs no torch. The recipes of the datasets are in `harness.config.recipes`.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from harness.errors import InputError
from harness.text import one_line

QUICK_EPOCHS = 2
QUICK_BATCH_SIZE = 8
QUICK_IMAGE_SIZE = 64
MAX_NAME_CHARACTERS = 16  # of a recipe's name in the label of a case
# Far above all that can be trained. A result of a stranger may name any number, and is refused when it is read.
_MOST = {"epochs": 10**6, "batch_size": 10**6, "image_size": 8192}

Fit = Literal["crop", "squash"]
"""Resizing to a square: ``crop`` resizes the shorter side and cuts out the centre; ``squash`` resizes both sides."""


@dataclass(frozen=True)
class Resize:
    """The square to which images are resized: its side in pixels, and how they fit into it."""

    size: int
    fit: Fit = "squash"


@dataclass(frozen=True)
class Augmentation:
    """The operations on an image before it enters the network.

    Test images get only the deterministic ones. The order is normalise → pad and crop → flips → rotation (corners in
    the mean colour) → random resized crop. With ``rotate_first`` it is GTSRB's: rotation of the 8-bit image (corners
    black) → normalise → resize → flips.

    Attributes:
        mean: per channel, of pixels scaled to 0…1.
        std: per channel, of pixels scaled to 0…1.
        rotation_degrees: rotations are uniform in ± this angle.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # unknown fields in a file are refused

    mean: tuple[float, ...]
    std: tuple[float, ...]
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotation_degrees: float = 0.0
    crop_scale: tuple[float, float] | None = None
    """Least and most area of the random square crop, as shares of the image's area; None for no crop."""
    rotate_first: bool = False
    padding: int = 0
    """Pixels of mean colour added to each side before a crop of the image's own size is drawn; 0 for no such crop."""

    def __post_init__(self) -> None:
        if not isinstance(self.padding, int) or self.padding < 0:
            raise InputError(f"padding {self.padding!r}: give a whole number of pixels, 0 or more")
        if self.padding and (self.rotate_first or self.crop_scale is not None):
            other = "rotate_first" if self.rotate_first else f"crop_scale {self.crop_scale}"
            raise InputError(f"padding {self.padding} with {other}: give only one of them; they cannot be combined")
        if self.rotate_first and self.crop_scale is not None:
            raise InputError(
                f"rotate_first with crop_scale {self.crop_scale}: give only one of them; they cannot be combined"
            )
        if len(self.mean) != len(self.std):
            raise InputError(
                f"mean has {len(self.mean)} channels, std {len(self.std)}: give one value of each per channel"
            )
        if not all(0 < value < math.inf for value in self.std):
            raise InputError(f"std {self.std}: give one positive value per channel, e.g. (0.5, 0.5, 0.5)")
        if self.crop_scale is not None and not 0 < self.crop_scale[0] <= self.crop_scale[1] <= 1:
            raise InputError(
                f"crop_scale {self.crop_scale}: give (least, most) with 0 < least ≤ most ≤ 1, e.g. (0.75, 1.0)"
            )


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of a training: SGD with cross-entropy.

    Attributes:
        milestones: epochs, counted from 0, at whose start the learning rate is multiplied by ``gamma``.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # unknown fields in a file are refused

    name: str
    epochs: int
    milestones: tuple[int, ...]
    batch_size: int
    image_size: int
    """Side of the network's square input, in pixels."""
    augmentation: Augmentation
    learning_rate: float = 0.1
    gamma: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    warmup_epochs: int = 0
    """Epochs of linear warm-up before the full learning rate; the paper has none."""
    fit: Fit = "squash"
    """How images that are resized when they are loaded fit into the square: the user's own, and a library's."""

    def __post_init__(self) -> None:
        check_choice(f"recipe {self.name!r}: fit", self.fit, get_args(Fit))
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise InputError(f"recipe {self.name!r}: {name} {value!r}: give a whole number, 1 or more")
            if value > most:
                raise InputError(f"recipe {self.name!r}: {name} {one_line(str(value), 20)}: give {most:,} at most")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"recipe {self.name!r}: learning_rate {self.learning_rate!r}: give a positive number")
        for name in ("momentum", "weight_decay", "warmup_epochs"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"recipe {self.name!r}: {name} {getattr(self, name)!r}: give 0 or more")
        if self.nesterov and not self.momentum:
            raise InputError(f"recipe {self.name!r}: nesterov needs a momentum above 0; give one, or nesterov=False")

    @property
    def resize(self) -> Resize:
        """The size of images that are resized when they are loaded."""
        return Resize(self.image_size, self.fit)

    @property
    def without_schedule(self) -> "Recipe":
        """The recipe with one epoch at one learning rate: epochs of recipes equal in it take equally long."""
        return replace(self, epochs=1, milestones=(), warmup_epochs=0, learning_rate=1.0)

    @property
    def digest(self) -> str:
        """Six hexadecimal digits that differ between recipes, also those of the same name."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:6]

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0; milestone m takes effect in epoch m."""
        passed = sum(milestone <= epoch for milestone in self.milestones)
        warmup = min(1.0, (epoch + 1) / (self.warmup_epochs + 1))
        return self.learning_rate * warmup * self.gamma**passed

    def with_epochs(self, epochs: int) -> "Recipe":
        """Return the recipe with another number of epochs; milestones and warm-up scale in proportion.

        A milestone that falls between two epochs takes effect at the later one; one equal to ``epochs`` is never
        reached. So no epoch trains at a lower rate than the full recipe has at that point, and the first epoch comes
        before every milestone.

        Raises:
            InputError: ``epochs`` is below 1.
        """
        if epochs < 1:
            raise InputError(f"epochs {epochs}: give 1 or more")
        milestones = tuple(-(-milestone * epochs // self.epochs) for milestone in self.milestones)
        warmup_epochs = self.warmup_epochs * epochs // self.epochs
        return replace(self, epochs=epochs, milestones=milestones, warmup_epochs=warmup_epochs)

    def quick(self) -> "Recipe":
        """Return the recipe shrunk to a smoke run, whose accuracy means nothing.

        The learning rate shrinks with the batch size: deep models can diverge on a few images at the full rate.
        """
        batch_size = min(self.batch_size, QUICK_BATCH_SIZE)
        image_size = min(self.image_size, QUICK_IMAGE_SIZE)
        padding = self.augmentation.padding * image_size // self.image_size
        return replace(
            self.with_epochs(QUICK_EPOCHS),
            batch_size=batch_size,
            learning_rate=self.learning_rate * batch_size / self.batch_size,
            image_size=image_size,
            augmentation=replace(self.augmentation, padding=padding),
        )


def require_recipe(recipe: object) -> Recipe:
    """Return the recipe; raise an `InputError` for anything but a `Recipe`."""
    if isinstance(recipe, Recipe):
        return recipe
    raise InputError(
        f"recipe {one_line(repr(recipe), 80)} is not a Recipe: give e.g. harness.CIFAR10, "
        'dataclasses.replace(harness.CIFAR10, …), in a mark "standard", or in Python what Standard.resolve returns'
    )


def check_recipe(recipe: object) -> None:
    """Raise an `InputError` for anything but a `Recipe` with ordered milestones within its epochs.

    A milestone equal to the epochs is allowed, though never reached: `Recipe.with_epochs` makes such ones. Not in
    `Recipe` itself: results of before the check can have other milestones, and stay readable.
    """
    recipe = require_recipe(recipe)
    milestones, epochs = recipe.milestones, recipe.epochs
    if list(milestones) != sorted(milestones) or any(not 0 <= milestone <= epochs for milestone in milestones):
        raise InputError(
            f"recipe {recipe.name!r}: milestones {milestones} with {epochs} epochs: give them in ascending order, all "
            f"up to {epochs}\nwith_epochs scales both, e.g. harness.CIFAR10.with_epochs({epochs})"
        )


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise an `InputError` for a value that is none of the choices."""
    if value not in choices:
        raise InputError(f"{name} {value!r}: give {' or '.join(map(repr, choices))}")
