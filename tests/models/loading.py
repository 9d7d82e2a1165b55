"""The weights of a published network, loaded into the harness's."""

import torch
from torch import nn

from harness.models.preresnet import PreActivationBlock


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
