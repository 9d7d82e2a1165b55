"""Check shapes, parameters, MACs and gradients of every model of the study and of every family, in seconds.

For a network of your own, `harness.check_shapes(NET(depth=1), image_size=32)` in a test makes the same checks.
"""

import pytest

import harness
from harness.config.datasets import SPECS
from harness.config.recipes import PUBLISHED_RECIPES
from harness.paper.published import MMACS, STUDY_MODELS, exact_parameters

CASES = [(dataset, model) for dataset, models in STUDY_MODELS.items() for model in models]
# Ids have the input's shape, not the dataset's name, so that `-k digits` selects only the experiments.
IDS = [f"{model}-{SPECS[dataset].channels}x{PUBLISHED_RECIPES[dataset].image_size}" for dataset, model in CASES]

# Models of every family, with their parameters for 3 channels and 10 classes.
FAMILIES = {
    "resnet20-0.5": 68_050,
    "preresnet20": 269_722,
    "preresnet20-0.5": 68_050,
    "preresnet29": 312_218,
    "plain20": 269_722,
    "plain20-0.5": 68_050,
    "plain24-0.25": 1_082_138,
    "wrn16-4": 2_748_890,
    "wrn16-4-dropout0.3": 2_748_890,
    "wrn16-0.5": 45_210,
    "torchvision:resnet18": 11_181_642,
    "torchvision:mobilenet_v2": 2_236_682,
    "timm:resnet18": 11_181_642,
}


@pytest.mark.parametrize(("dataset", "name"), CASES, ids=IDS)
def test_shapes(dataset, name):
    spec, size = SPECS[dataset], PUBLISHED_RECIPES[dataset].image_size
    cost = harness.check_shapes(name, size, spec.channels, spec.num_classes)

    assert cost.params == exact_parameters(dataset, name)
    if (dataset, name) in MMACS:
        assert cost.macs / 1e6 == pytest.approx(MMACS[dataset, name], rel=0.005)


@pytest.mark.parametrize("name", FAMILIES)
def test_shapes_of_families(name):
    if name.startswith("timm:"):
        pytest.importorskip("timm")

    assert harness.check_shapes(name, image_size=32).params == FAMILIES[name]
    assert harness.check_shapes(name, image_size=28, channels=1, num_classes=7).params < FAMILIES[name]
