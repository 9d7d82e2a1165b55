import pytest
import torch
from torch import nn

from harness.config.families import parse_model
from harness.models.build import build_network
from harness.models.resnet import BasicBlock, Bottleneck


def build(name, *, seed=0, device="cpu"):
    return build_network(parse_model(name), 3, 10, seed=seed, device=device)


def parameters_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


class Zero(nn.Module):
    """A shortcut that adds nothing."""

    def forward(self, x):
        return 0


@pytest.mark.parametrize("name", ["plain20", "plain8-2", "plain20-0.5", "plain24", "plain50-0.25"])
def test_a_plain_network_is_the_residual_one_with_shortcuts_of_zero(name):
    plain, residual = build(name, seed=3), build(name.replace("plain", "resnet"), seed=4)
    for block in residual.modules():
        if isinstance(block, BasicBlock | Bottleneck):
            block.downsample = Zero()
    residual.load_state_dict(plain.state_dict())
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    for is_training in (True, False):
        with torch.no_grad():
            found, expected = plain.train(is_training)(images), residual.train(is_training)(images)
        assert torch.equal(found, expected)
        assert found.std() > 0


@pytest.mark.parametrize("name", ["plain20", "plain56", "plain20-4"])
def test_a_plain_cifar_network_has_the_residual_ones_weights(name):
    plain, residual = build(name), build(name.replace("plain", "resnet"))

    assert parameters_of(plain) == parameters_of(residual)
    assert all(torch.equal(plain.state_dict()[key], value) for key, value in residual.state_dict().items())


def test_a_plain_imagenet_network_lacks_the_projections():
    plain, residual = (build(name, device="meta") for name in ("plain50", "resnet50"))
    projections = sum(value.numel() for key, value in residual.named_parameters() if "downsample" in key)

    assert projections == 2_776_576  # 64·256 + 256·512 + 512·1024 + 1024·2048, and 2 per channel
    assert parameters_of(plain) == parameters_of(residual) - projections


@pytest.mark.parametrize(("name", "layers"), [("plain20", 20), ("plain110", 110), ("plain50", 50)])
def test_a_plain_network_has_as_many_layers_as_its_depth(name, layers):
    network = build(name, device="meta")

    assert len([one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Linear)]) == layers
