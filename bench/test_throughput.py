"""How fast the harness is: both pipelines beside each other, augmentation alone, and how its cost grows.

Measured where a command line names it (`pytest bench -k throughput`), some ten minutes; a plain `pytest bench`
leaves it out. Nothing here asserts seconds: a ratio within one run is all that a shared machine allows.
"""

import pytest

from harness.config.datasets import SPECS
from harness.config.recipes import PUBLISHED_RECIPES

WORKLOADS = [
    ("cifar10", "resnet20"),
    ("cifar10", "resnet110"),
    ("cifar10", "resnet20-4"),
    ("fashionmnist", "resnet20"),
    ("gtsrb", "resnet50"),
]
AUGMENTED = ["cifar10", "fashionmnist", "gtsrb"]
pytestmark = pytest.mark.measurement


def shape(dataset):
    """The input's shape, not the dataset's name: `-k cifar` is to select the experiments alone."""
    return f"{SPECS[dataset].channels}x{PUBLISHED_RECIPES[dataset].image_size}"


@pytest.mark.parametrize(
    ("dataset", "model"), WORKLOADS, ids=[f"{model}-{shape(dataset)}" for dataset, model in WORKLOADS]
)
def test_throughput(dataset, model, workbench):
    comparison = workbench.compare_pipelines(dataset, model)
    assert comparison.ratio >= 1, "the fast pipeline is slower than the reference"


@pytest.mark.parametrize("dataset", AUGMENTED, ids=shape)
def test_throughput_of_augmentation(dataset, workbench):
    comparison = workbench.compare_augmentation(dataset)
    if dataset != "gtsrb":  # enlarging to 225×225 is bound by arithmetic, which a batch does not lessen on a CPU
        assert comparison.ratio > 1


@pytest.mark.parametrize("axis", ["images", "width", "depth", "batch"])
def test_throughput_at_scale(axis, workbench):
    scaling = workbench.measure_scaling(axis)
    if axis in ("images", "batch"):  # neither is to cost an image more than in proportion
        assert scaling.time_growth.exponent < 1.25
