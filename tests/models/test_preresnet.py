import math

import pytest
import torch
from torch import nn

from harness.config.families import parse_model
from harness.models.build import build_network
from harness.models.preresnet import PreActivationBlock
from harness.models.resnet import SubsampleAndPad
from tests.helpers.published_networks import basic_network, bottleneck_network
from tests.models.loading import assert_outputs_of_published_code

# Of pytorchcv (its README): with 1×1 convolutions where the channels change, in basic blocks too.
PYTORCHCV = {
    "preresnet20": 272_282,
    "preresnet56": 855_578,
    "preresnet110": 1_730_522,
    "preresnet164": 1_703_258,
    "preresnet1001": 10_327_706,
}


def build(name, in_channels=3, num_classes=10, *, seed=0, shortcut="A", device="cpu"):
    return build_network(parse_model(name), in_channels, num_classes, seed=seed, shortcut=shortcut, device=device)


def parameters_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("name", "parameters"), PYTORCHCV.items())
def test_networks_with_projections_have_pytorchcvs_parameters(name, parameters):
    assert parameters_of(build(name, shortcut="B", device="meta")) == parameters


@pytest.mark.parametrize(
    ("name", "millions"), [("preresnet110", "1.7"), ("preresnet164", "1.7"), ("preresnet1001", "10.2")]
)
def test_networks_have_the_papers_weights_and_layers(name, millions):
    """The published 10.2M are the weights of convolutions and linear layer: batch normalisation has 0.15M more."""
    modules = build(name, device="meta").named_modules()
    layers = {path: one for path, one in modules if isinstance(one, nn.Conv2d | nn.Linear)}

    assert f"{sum(map(parameters_of, layers.values())) / 1e6:.1f}" == millions
    assert len([path for path in layers if "shortcut" not in path]) == parse_model(name).depth


@pytest.mark.parametrize("name", ["preresnet20", "preresnet110", "preresnet20-4"])
def test_option_a_has_as_many_parameters_as_the_post_activation_network(name):
    assert parameters_of(build(name, device="meta")) == parameters_of(build(name.removeprefix("pre"), device="meta"))


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("preresnet8", basic_network),
        ("preresnet20", basic_network),
        ("preresnet14-2", basic_network),
        ("preresnet14-0.3", basic_network),
        ("preresnet11", bottleneck_network),
        ("preresnet29", bottleneck_network),
        ("preresnet11-1.5", bottleneck_network),
        ("preresnet164", bottleneck_network),
    ],
)
def test_outputs_are_those_of_the_published_code(name, reference):
    assert_outputs_of_published_code(name, reference)


def test_shortcuts_change_only_the_first_blocks_of_stages_2_and_3():
    blocks = [one for one in build("preresnet20", device="meta").modules() if isinstance(one, PreActivationBlock)]

    assert [number for number, one in enumerate(blocks) if isinstance(one.shortcut, SubsampleAndPad)] == [3, 6]
    assert [number for number, one in enumerate(blocks) if one.shares_activation] == [0, 3, 6]


def test_the_width_multiplies_every_layer_and_the_stem():
    network = build("preresnet29-0.5", device="meta")

    assert network.stem.out_channels == 8
    assert [stage[0].convs[-1].out_channels for stage in network.stages] == [32, 64, 128]


@pytest.mark.parametrize("name", ["preresnet20-4", "preresnet29-2"])
def test_initial_weights_are_normal_with_variance_2_over_fan_out(name):
    network = build(name, seed=1)
    for path, one in network.named_modules():
        if isinstance(one, nn.Conv2d):
            values = one.weight.detach().flatten()
            std = math.sqrt(2 / (one.out_channels * one.kernel_size[0] ** 2))
            assert values.std().item() == pytest.approx(std, rel=5 / math.sqrt(2 * values.numel())), path
    assert torch.equal(network.fc.bias, torch.zeros(10))
