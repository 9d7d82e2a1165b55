from dataclasses import replace

import pytest

from harness.config.recipe import Augmentation
from harness.config.recipe_text import recipe_line
from harness.config.recipes import CIFAR10, DIGITS, GTSRB
from harness.config.standard import Standard

FLOWERS = Standard().resolve(64, 33_000, (0.4821, 0.45, 0.4), (0.2, 0.2, 0.2))


def test_line_has_what_the_images_decided():
    assert recipe_line("folder:~/flowers", FLOWERS) == (
        "folder:~/flowers: recipe standard: 64×64 crop, 121 epochs, lr 0.1, flips and crops, mean 0.48 0.45 0.40"
    )
    assert recipe_line("folder:~/flowers", FLOWERS, with_mean=False).endswith("lr 0.1, flips and crops")


@pytest.mark.parametrize(
    ("dataset", "recipe", "line"),
    [
        ("digits", DIGITS, "digits: recipe digits: 8×8, 24 epochs, lr 0.05, no augmentation, mean 0.31"),
        ("gtsrb", GTSRB, "225×225, 40 epochs, lr 0.1, flips both ways and rotations of ±45°, mean 0.50 0.50 0.50"),
        ("cifar10", CIFAR10, "300 epochs, lr 0.1, flips both ways, rotations of ±30° and crops, mean"),
        (
            "npz:x.npz",
            replace(DIGITS, augmentation=Augmentation((0.5,), (0.5,), vertical_flip=True)),
            "vertical flips,",
        ),
        ("npz:x.npz", DIGITS, "8×8 squash"),
    ],
)
def test_line_names_every_random_operation(dataset, recipe, line):
    assert line in recipe_line(dataset, recipe)
