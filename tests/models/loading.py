"""The weights of a published network, loaded into the harness's."""

import torch
from torch import nn

from harness.config.families import parse_model
from harness.models.build import build_network
from harness.models.preresnet import PreActivationBlock
from tests.helpers.published_networks import Weights


def layers_in_order(network):
    """The layers of a pre-activation network in the order in which the published code applies them."""
    yield network.stem
    for block in network.modules():
        if isinstance(block, PreActivationBlock):
            for norm, convolution in zip(block.norms, block.convs, strict=True):
                yield from (norm, convolution)
            if isinstance(block.shortcut, nn.Conv2d):
                yield block.shortcut
    yield from (network.norm, network.fc)


def load(network, drawn):
    """Copy the drawn weights into the network; both have the same number of them."""
    layers = list(layers_in_order(network))
    assert len(layers) == len(drawn)
    with torch.no_grad():
        for layer, values in zip(layers, drawn, strict=True):
            if isinstance(layer, nn.BatchNorm2d):
                layer.load_state_dict(values, strict=False)
            elif isinstance(layer, nn.Linear):
                layer.weight.copy_(values[0])
                layer.bias.copy_(values[1])
            else:
                layer.weight.copy_(values)


def assert_outputs_of_published_code(name, reference):
    """Assert that a model returns what a transcription of its authors' code returns with the same weights."""
    model, weights = parse_model(name), Weights(seed=3)
    images = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    expected = reference(images, weights, model.depth, model.width, 10)
    network = build_network(model, 3, 10, seed=0).eval()
    load(network, weights.drawn)

    with torch.no_grad():
        found = network(images)

    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
