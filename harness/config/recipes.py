"""How to train: the paper's hyperparameters and augmentations, the digits recipe, and how quick mode shrinks one.

Needs no torch. Sources: paper section 3.2.2 and the appendix; where its prose and code disagree, the code is what was
run. Nesterov momentum and the batch sizes stand only in the code.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from harness.config.extensions import find_extension
from harness.config.families import Family
from harness.errors import InputError

QUICK_EPOCHS = 2
QUICK_BATCH_SIZE = 8
QUICK_IMAGE_SIZE = 64
QUICK_TRAIN_IMAGES = 12  # a whole batch and a partial one
QUICK_TEST_IMAGES = 8


@dataclass(frozen=True)
class Augmentation:
    """What happens to an image on its way into the network. Test images get only the deterministic part.

    With ``rotate_first`` the order is GTSRB's: rotation of the 8-bit image (corners black) → normalise → resize →
    flips. Otherwise: normalise → flips → rotation (corners the mean colour) → random resized crop.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # read back, a field that is none of these is refused

    mean: tuple[float, ...]
    std: tuple[float, ...]
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rotation_degrees: float = 0.0
    crop_scale: tuple[float, float] | None = None
    """Area of the random square crop, as a share of the image's, resized back to the image's size."""
    rotate_first: bool = False

    def __post_init__(self) -> None:
        if self.rotate_first and self.crop_scale is not None:
            raise InputError("an augmentation cannot both rotate first and crop: the study has no such order")
        if len(self.mean) != len(self.std):
            raise InputError(f"mean has {len(self.mean)} channels, std {len(self.std)}: give one of each per channel")
        if not all(value > 0 for value in self.std):
            raise InputError(f"std {self.std}: give a positive one per channel")
        if self.crop_scale is not None and not 0 < self.crop_scale[0] <= self.crop_scale[1] <= 1:
            raise InputError(f"crop_scale {self.crop_scale}: give (least, most) with 0 < least ≤ most ≤ 1")


@dataclass(frozen=True)
class Recipe:
    """SGD with cross-entropy; the learning rate is multiplied by ``gamma`` at each milestone, once per epoch."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # read back, a field that is none of these is refused

    name: str
    epochs: int
    milestones: tuple[int, ...]
    batch_size: int
    image_size: int
    """Side of the square images that the network sees, in pixels."""
    augmentation: Augmentation
    learning_rate: float = 0.1
    gamma: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    warmup_epochs: int = 0
    """Epochs of linear warm-up before the full learning rate; the paper has none."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "image_size"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise InputError(
                    f"recipe {self.name!r}: {name} {getattr(self, name)!r}: give a whole number, 1 or more"
                )
        if not self.learning_rate > 0:
            raise InputError(f"recipe {self.name!r}: learning_rate {self.learning_rate!r}: give a positive one")
        if self.momentum < 0 or self.weight_decay < 0 or self.warmup_epochs < 0:
            raise InputError(f"recipe {self.name!r}: momentum, weight_decay and warmup_epochs cannot be negative")
        if self.nesterov and not self.momentum:
            raise InputError(f"recipe {self.name!r}: nesterov needs momentum; without it give nesterov=False")

    def learning_rate_at(self, epoch: int) -> float:
        """The learning rate of epoch ``epoch``, counted from 0. A milestone m takes effect in epoch m."""
        passed = sum(milestone <= epoch for milestone in self.milestones)
        warmup = min(1.0, (epoch + 1) / (self.warmup_epochs + 1))
        return self.learning_rate * warmup * self.gamma**passed

    def with_epochs(self, epochs: int) -> "Recipe":
        """The recipe over another number of epochs, milestones and warm-up in proportion.

        A milestone that falls between two epochs takes effect at the later one, so no epoch trains at a lower rate
        than the full recipe would give it there, and the first comes before every milestone.

        Raises:
            InputError: ``epochs`` is not positive.
        """
        if epochs < 1:
            raise InputError(f"epochs {epochs}: give 1 or more")
        milestones = tuple(-(-milestone * epochs // self.epochs) for milestone in self.milestones)
        warmup_epochs = self.warmup_epochs * epochs // self.epochs
        return replace(self, epochs=epochs, milestones=milestones, warmup_epochs=warmup_epochs)

    def quick(self) -> "Recipe":
        """The recipe shrunk to prove the machinery: it measures nothing.

        The learning rate shrinks with the batch: at the full rate deep models can diverge on a handful of images.
        """
        batch_size = min(self.batch_size, QUICK_BATCH_SIZE)
        return replace(
            self.with_epochs(QUICK_EPOCHS),
            batch_size=batch_size,
            learning_rate=self.learning_rate * batch_size / self.batch_size,
            image_size=min(self.image_size, QUICK_IMAGE_SIZE),
        )


CIFAR10 = Recipe(
    name="cifar10",
    epochs=300,
    milestones=(120, 200, 250),
    batch_size=128,
    image_size=32,
    augmentation=Augmentation(
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        horizontal_flip=True,
        vertical_flip=True,
        rotation_degrees=30,
        crop_scale=(0.75, 1.0),
    ),
)

FASHIONMNIST = Recipe(
    name="fashionmnist",
    epochs=150,
    milestones=(50, 90, 110),
    batch_size=128,
    image_size=28,
    augmentation=Augmentation(
        mean=(0.1307,),  # MNIST's constants, as in the paper; FashionMNIST's own are .2860 and .3530
        std=(0.3081,),
        horizontal_flip=True,
        vertical_flip=True,
        rotation_degrees=30,
    ),
)

GTSRB = Recipe(
    name="gtsrb",
    epochs=40,
    milestones=(20,),
    batch_size=64,
    image_size=225,
    augmentation=Augmentation(
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        horizontal_flip=True,  # a flipped sign can be another class; it is the paper's recipe all the same
        vertical_flip=True,
        rotation_degrees=45,
        rotate_first=True,
    ),
)

# Ours, not the paper's: small images, no flips (6 and 9), crops against overfitting, and small batches with a gentle
# start, without which 56 and 110 do not converge in so few epochs.
DIGITS = Recipe(
    name="digits",
    epochs=20,
    milestones=(12, 17),
    batch_size=32,
    image_size=8,
    augmentation=Augmentation(mean=(0.3054,), std=(0.3760,), crop_scale=(0.7, 1.0)),
    learning_rate=0.05,
    warmup_epochs=3,
)

PUBLISHED_RECIPES = {recipe.name: recipe for recipe in (CIFAR10, FASHIONMNIST, GTSRB, DIGITS)}


def default_recipe(dataset: str, family: Family) -> Recipe:
    """Return a dataset's own recipe; for a user's folder, the paper's recipe for images that suit the family.

    A folder's images are resized to 32×32 (CIFAR family, CIFAR-10's recipe) or 225×225 (ImageNet family, GTSRB's).

    Raises:
        InputError: the dataset comes from another package and has no recipe, or a broken one.
    """
    if dataset in PUBLISHED_RECIPES:
        return PUBLISHED_RECIPES[dataset]
    extension = find_extension(dataset)
    if extension is None:
        return replace(CIFAR10 if family == "cifar" else GTSRB, name=f"folder-{family}")
    if not hasattr(extension.provider, "RECIPE"):
        raise InputError(f"dataset {dataset!r} has no recipe of its own: give one to the mark, as recipe=Recipe(…)")
    return extension.require("RECIPE", Recipe)
