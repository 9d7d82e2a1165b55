"""The standard recipe: what is left open until the images are known, and the rules that close it.

Needs no torch. Source of the schedule and of pad-and-crop: He et al. 2016, section 4.2 (CIFAR-10). There, 64,000
batches of 128 images are trained with the learning rate 0.1, divided by 10 at 50 % and 75 %; images are padded by 4
pixels of 32, cropped and flipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from harness.config.recipe import Augmentation, Fit, Recipe, check_choice
from harness.errors import InputError

Augment = Literal["none", "standard", "paper"]
"""``none``: images are only normalised; ``standard``: horizontal flips, pad and crop; ``paper``: CIFAR-10's."""

LARGEST_OWN_SIZE = 96
"""Pixels; square images of one size up to this one keep it."""

_IMAGES_SEEN = 4_000_000  # half of He et al.'s 64,000 batches of 128
_MIN_EPOCHS = 30  # of many images: each is still seen in as many crops
_MAX_EPOCHS = 200  # of few images: more epochs only memorise them
_BATCH_SIZE, _MIN_BATCH_SIZE = 128, 32
_MIN_BATCHES = 32  # of an epoch, unless the batches would be smaller than the least
_LEARNING_RATE = 0.1
_PADDING = 4 / 32


@dataclass(frozen=True)
class Standard:
    """The recipe of a dataset without one of its own; the images decide what it leaves open.

    Mean and standard deviation are those of all training images, per channel, at the size that is trained. The learning
    rate is divided by 10 at 50 % and 75 % of the epochs, after a linear warm-up of 5 % of them.

    Attributes:
        augment: ``standard``: horizontal flips, and crops of the image padded by 1/8 of its side; ``paper``: flips in
            both directions, rotations by ±30° and crops, as for CIFAR-10; ``none``: images are only normalised.
        fit: ``crop`` keeps the aspect ratio: it resizes the shorter side and cuts out the centre; ``squash`` does not.
        image_size: None for the images' own size if all are squares of one size up to 96 pixels, else
            ``fallback_size``.
        epochs: None for 4 million images in all, half of what He et al. trained, within 30 to 200 epochs: 200 up to
            20,000 images, 80 with 50,000, and 30 from 133,333 on.
        batch_size: None for 128, or for few images 64 or 32, so that an epoch has 32 batches.
        learning_rate: None for 0.1 with batches of 128, in proportion to the root of the batch size: 0.05 with 32.
        fallback_size: in pixels; the mark sets it to the largest that one of its models usually has.
    """

    augment: Augment = "standard"
    fit: Fit = "crop"
    image_size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    fallback_size: int = 64

    def __post_init__(self) -> None:
        check_choice("augment", self.augment, get_args(Augment))
        check_choice("fit", self.fit, get_args(Fit))
        for name in ("image_size", "epochs", "batch_size", "fallback_size"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise InputError(f"recipe {self.name!r}: {name} {value!r}: give a whole number, 1 or more")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise InputError(f"recipe {self.name!r}: learning_rate {self.learning_rate!r}: give a positive number")

    @property
    def name(self) -> str:
        """The name of the recipe that results: ``standard``, ``standard-none`` or ``standard-paper``."""
        return "standard" if self.augment == "standard" else f"standard-{self.augment}"

    def size_for(self, own_size: int | None) -> int:
        """Return the side in pixels to train at.

        Args:
            own_size: side of the images if all are squares of one size; None otherwise.
        """
        own = own_size if own_size is not None and own_size <= LARGEST_OWN_SIZE else None
        return self.image_size or own or self.fallback_size

    def resolve(self, size: int, train_images: int, mean: Sequence[float], std: Sequence[float]) -> Recipe:
        """Return the recipe for images that are known.

        Args:
            size: as `size_for` returns it.
            train_images: the number of training images.
            mean: per channel, of pixels scaled to 0…1, of the training images at that size.
            std: the standard deviation, like the mean.
        """
        epochs = self.epochs or min(_MAX_EPOCHS, max(_MIN_EPOCHS, _IMAGES_SEEN // max(1, train_images)))
        batch_size = self.batch_size or _batch_size(train_images)
        return Recipe(
            name=self.name,
            epochs=epochs,
            milestones=tuple(epoch for epoch in (-(-epochs // 2), -(-3 * epochs // 4)) if epoch < epochs),
            batch_size=batch_size,
            image_size=size,
            augmentation=_augmentation(self.augment, size, tuple(mean), tuple(std)),
            learning_rate=self.learning_rate or round(_LEARNING_RATE * (batch_size / _BATCH_SIZE) ** 0.5, 3),
            warmup_epochs=epochs // 20,
            fit=self.fit,
        )


def _batch_size(train_images: int) -> int:
    size = _BATCH_SIZE
    while size > _MIN_BATCH_SIZE and size * _MIN_BATCHES > train_images:
        size //= 2
    return size


def _augmentation(augment: Augment, size: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Augmentation:
    if augment == "standard":
        return Augmentation(mean, std, horizontal_flip=True, padding=max(1, round(size * _PADDING)))
    if augment == "paper":
        return Augmentation(
            mean, std, horizontal_flip=True, vertical_flip=True, rotation_degrees=30, crop_scale=(0.75, 1.0)
        )
    return Augmentation(mean, std)
