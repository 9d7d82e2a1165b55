"""Measure the harness's own speed: its pipelines beside a plain loop, augmentation alone, and the growth of its cost.

It runs only if the command line selects it (`pytest bench -k throughput`) and takes about a quarter of an hour; a plain
`pytest bench` skips it. No test asserts seconds: on a shared machine only ratios within one run are reliable. A test
whose measurement remained disturbed by other work asserts nothing: it is skipped, and its row in the table is marked.
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
    """Return the input's shape for ids: with dataset names, `-k cifar` would select these tests too."""
    return f"{SPECS[dataset].channels}x{PUBLISHED_RECIPES[dataset].image_size}"


def require_undisturbed(measurement):
    """Skip the rest of the test if other work disturbed the measurement; it is recorded and shown all the same."""
    if measurement.disturbed is not None:
        pytest.skip(f"measured, but disturbed: {measurement.disturbed}; run it again when the machine is free")


@pytest.mark.parametrize(
    ("dataset", "model"), WORKLOADS, ids=[f"{model}-{shape(dataset)}" for dataset, model in WORKLOADS]
)
def test_throughput(dataset, model, workbench):
    comparisons = workbench.compare_pipelines(dataset, model)
    slower = [one.precision for one in comparisons if one.disturbed is None and one.ratio < 1]
    assert not slower, f"the fast pipeline at {' and '.join(slower)} is slower than the reference"
    for comparison in comparisons:
        require_undisturbed(comparison)


@pytest.mark.parametrize("dataset", AUGMENTED, ids=shape)
def test_throughput_of_augmentation(dataset, workbench):
    comparison = workbench.compare_augmentation(dataset)
    require_undisturbed(comparison)
    if dataset != "gtsrb":  # enlarging to 225×225 is bound by arithmetic, which batching does not reduce on a CPU
        assert comparison.ratio > 1


@pytest.mark.parametrize("axis", ["images", "width", "depth", "batch"])
def test_throughput_at_scale(axis, workbench):
    scaling = workbench.measure_scaling(axis)
    require_undisturbed(scaling)
    if axis in ("images", "batch"):  # time must grow at most in proportion
        assert scaling.time_growth.exponent < 1.25
