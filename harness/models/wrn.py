"""Wide residual networks, built with torch from a `Model`.

Source: Zagoruyko & Komodakis 2016, "Wide Residual Networks", arXiv:1605.07146, and the authors' code,
https://github.com/szagoruyko/wide-residual-networks. WRN-d-k has (d - 4) / 6 pre-activation blocks of two 3×3
convolutions in each of three stages, of 16k, 32k and 64k channels. The stem keeps its 16 channels; other families of
the harness widen theirs. A block that changes the number of channels has a 1×1 convolution as its shortcut, which gets
the activated input. In ``wrn16-8-dropout0.3``, dropout precedes each block's second convolution.

Initial weights are the authors': convolutions are normal with variance 2/fan-in, the linear layer's bias is 0.
"""

from harness.config.built_in import dropout_of
from harness.config.families import Model
from harness.models.preresnet import PreActivationBlock, PreActivationNetwork, initialise, stages_of
from harness.models.resnet import Shortcut, conv, scaled

_STEM_CHANNELS = 16


def wide_resnet(model: Model, in_channels: int, num_classes: int, _: Shortcut = "A") -> PreActivationNetwork:
    """Return the wide residual network of the model's depth, width k and dropout probability."""
    assert model.depth is not None
    assert model.width is not None
    channels = [scaled(one, model.width) for one in (16, 32, 64)]
    dropout = dropout_of(model.family)

    def make(before: int, after: int, stride: int) -> PreActivationBlock:
        shortcut = None if before == after and stride == 1 else conv(before, after, 1, stride)
        return PreActivationBlock([conv(before, after, 3, stride), conv(after, after, 3)], shortcut, dropout)

    stages = stages_of((_STEM_CHANNELS, *channels), (model.depth - 4) // 6, make)
    network = PreActivationNetwork(conv(in_channels, _STEM_CHANNELS, 3), stages, channels[-1], num_classes)
    initialise(network, "fan_in")
    return network
