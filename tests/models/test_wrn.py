import math

import pytest
import torch
from torch import nn

from harness.config.families import parse_model
from harness.models.build import build_network
from tests.helpers.published_networks import wide_residual_network
from tests.models.loading import assert_outputs_of_published_code

# Millions of parameters in the paper's table 4 and in the authors' README.
PUBLISHED = {
    "wrn40": "0.6",
    "wrn40-2": "2.2",
    "wrn40-4": "8.9",
    "wrn16-8": "11.0",
    "wrn28-10": "36.5",
    "wrn22-8": "17.2",
    "wrn16-10": "17.1",
}


def build(name, in_channels=3, num_classes=10, *, seed=0, device="cpu"):
    return build_network(parse_model(name), in_channels, num_classes, seed=seed, device=device)


def parameters_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("name", "millions"), PUBLISHED.items())
def test_networks_have_the_papers_parameters(name, millions):
    assert f"{parameters_of(build(name, device='meta')) / 1e6:.1f}" == millions


def test_wrn_28_10_has_exactly_the_authors_parameters():
    assert parameters_of(build("wrn28-10", device="meta")) == 36_479_194
    assert parameters_of(build("wrn28-10", num_classes=100, device="meta")) == 36_536_884


def test_dropout_has_no_parameters():
    assert parameters_of(build("wrn16-8-dropout0.3", device="meta")) == parameters_of(build("wrn16-8", device="meta"))


@pytest.mark.parametrize("name", ["wrn10", "wrn16", "wrn16-2", "wrn10-0.5", "wrn22-1.3", "wrn16-2-dropout0.3"])
def test_outputs_are_those_of_the_authors_code(name):
    assert_outputs_of_published_code(name, wide_residual_network)


@pytest.mark.parametrize(("name", "layers"), [("wrn16-8", 16), ("wrn28-10", 28), ("wrn40-4", 40)])
def test_the_depth_counts_3x3_and_1x1_convolutions_and_the_linear_layer(name, layers):
    """6n+4: three layers are the shortcuts of the stages, one the stem; the linear layer is not counted."""
    convolutions = [one for one in build(name, device="meta").modules() if isinstance(one, nn.Conv2d)]

    assert len(convolutions) == layers


@pytest.mark.parametrize(("name", "channels"), [("wrn16-8", [128, 256, 512]), ("wrn16-0.5", [8, 16, 32])])
def test_the_width_multiplies_the_stages_and_not_the_stem(name, channels):
    network = build(name, device="meta")

    assert network.stem.out_channels == 16
    assert [stage[0].convs[0].out_channels for stage in network.stages] == channels


def test_dropout_drops_in_training_alone():
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    plain, dropping = build("wrn10-2"), build("wrn10-2-dropout0.3")
    with torch.no_grad():
        assert torch.equal(plain.eval()(images), dropping.eval()(images))
        assert torch.equal(plain.train()(images), build("wrn10-2").train()(images))
        assert not torch.equal(plain.train()(images), dropping.train()(images))


def test_dropout_precedes_the_second_convolution_of_every_block():
    network = build("wrn16-2-dropout0.4")
    dropouts = [one for one in network.modules() if isinstance(one, nn.Dropout)]
    assert [one.p for one in dropouts] == [0.4] * 6

    seen = {}
    block = network.stages[1][0]
    block.dropout.register_forward_hook(lambda _, __, out: seen.update(dropped=out))
    block.convs[1].register_forward_hook(lambda _, given, __: seen.update(given=given[0]))
    network.train()(torch.randn(2, 3, 16, 16))
    assert seen["given"] is seen["dropped"]


def test_initial_weights_are_normal_with_variance_2_over_fan_in():
    network = build("wrn16-4", seed=1)
    for path, one in network.named_modules():
        if isinstance(one, nn.Conv2d):
            values = one.weight.detach().flatten()
            std = math.sqrt(2 / one.weight[0].numel())
            assert values.std().item() == pytest.approx(std, rel=5 / math.sqrt(2 * values.numel())), path
    assert torch.equal(network.fc.bias, torch.zeros(10))
