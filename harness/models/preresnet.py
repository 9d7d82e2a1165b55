"""Pre-activation residual networks, built with torch from a `Model`.

Source: He et al. 2016b, "Identity Mappings in Deep Residual Networks", arXiv:1603.05027, and the authors' code,
https://github.com/KaimingHe/resnet-1k-layers. Batch normalisation and ReLU precede each convolution, and an identity
shortcut adds a block's input as it is. Blocks:

- depth 6n+2, but 164: n basic blocks in each of three stages, two 3×3 convolutions each;
- 164 and every other depth 9n+2, e.g. 1001: n bottleneck blocks in each stage, 1×1, 3×3 and 1×1, with four times the
  channels between blocks.

The network's first block and those that change the number of channels are activated before the two paths split, as the
paper's appendix and code have it. A change of the channels takes option A in basic blocks, as in the paper's ResNet-110
(option B is a 1×1 convolution), and always a 1×1 convolution in bottleneck blocks, without batch normalisation.

ω multiplies the channels of every layer, the stem's too. Initial weights are the authors': convolutions are normal with
variance 2/fan-out, the linear layer's bias is 0.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from harness.config.families import Model
from harness.models.resnet import Shortcut, SubsampleAndPad, conv, scaled

_EXPANSION = 4  # channels between bottleneck blocks over those inside


class PreActivationBlock(nn.Module):
    """Convolutions, each after batch normalisation and ReLU, beside a shortcut.

    Attributes:
        shares_activation: True if the shortcut gets the activated input, too; else it adds the input as it is.
    """

    def __init__(
        self, convolutions: Sequence[nn.Conv2d], shortcut: nn.Module | None = None, dropout: float = 0.0
    ) -> None:
        """Take the convolutions in their order.

        Args:
            shortcut: the layer beside them, if the number of channels or the size of the maps changes.
            dropout: probability of a zero before the second convolution, in training; 0 for no such layer.
        """
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(convolution.in_channels) for convolution in convolutions)
        self.convs = nn.ModuleList(convolutions)
        self.shortcut = shortcut
        self.shares_activation = shortcut is not None
        self.dropout = nn.Dropout(dropout) if dropout else None

    def forward(self, x: Tensor) -> Tensor:
        active = functional.relu(self.norms[0](x), inplace=True)
        out: Tensor = self.convs[0](active)
        for number in range(1, len(self.convs)):
            out = functional.relu(self.norms[number](out), inplace=True)
            if number == 1 and self.dropout is not None:
                out = self.dropout(out)
            out = self.convs[number](out)
        kept = active if self.shares_activation else x
        return out + (kept if self.shortcut is None else self.shortcut(kept))


class PreActivationNetwork(nn.Module):
    """Stem, stages of blocks, batch normalisation and ReLU, global average pool, linear.

    It maps float images (N, in_channels, H, W) to logits (N, num_classes).
    """

    def __init__(
        self, stem: nn.Conv2d, stages: Sequence[Sequence[PreActivationBlock]], channels: int, num_classes: int
    ) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.Sequential(*(nn.Sequential(*stage) for stage in stages))
        self.norm = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.stages(self.stem(x))), inplace=True)
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


def stages_of(
    channels: Sequence[int], blocks: int, make: Callable[[int, int, int], PreActivationBlock]
) -> list[list[PreActivationBlock]]:
    """Return stages of equally many blocks; each stage after the first halves the maps.

    Args:
        channels: those of the stem's output, then of each stage's.
        make: called with a block's input channels, output channels and stride.
    """
    return [
        [make(before, after, 1 if before_is_stem else 2), *(make(after, after, 1) for _ in range(blocks - 1))]
        for before_is_stem, (before, after) in zip((True, False, False), pairwise(channels), strict=True)
    ]


def initialise(network: nn.Module, mode: Literal["fan_in", "fan_out"]) -> None:
    """Draw normal weights of variance 2/fan for the convolutions; set the linear layer's bias to 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=mode)
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


def preresnet(model: Model, in_channels: int, num_classes: int, shortcut: Shortcut = "A") -> PreActivationNetwork:
    """Return the pre-activation network of the model's depth and width.

    Args:
        shortcut: of the basic blocks that change the number of channels: option A, or B, a 1×1 convolution.
    """
    assert model.depth is not None
    assert model.width is not None
    stem, *channels = (scaled(one, model.width) for one in (16, 16, 32, 64))
    if model.family == "preresnet-bottleneck":
        channels, blocks, make = [_EXPANSION * one for one in channels], (model.depth - 2) // 9, _bottleneck
    else:
        blocks, make = (model.depth - 2) // 6, partial(_basic, shortcut=shortcut)
    stages = stages_of((stem, *channels), blocks, make)
    stages[0][0].shares_activation = True
    network = PreActivationNetwork(conv(in_channels, stem, 3), stages, channels[-1], num_classes)
    initialise(network, "fan_out")
    return network


def _basic(before: int, after: int, stride: int, shortcut: Shortcut) -> PreActivationBlock:
    layers = [conv(before, after, 3, stride), conv(after, after, 3)]
    if before == after and stride == 1:
        return PreActivationBlock(layers)
    if shortcut == "A":
        return PreActivationBlock(layers, SubsampleAndPad(stride, after - before))
    return PreActivationBlock(layers, conv(before, after, 1, stride))


def _bottleneck(before: int, after: int, stride: int) -> PreActivationBlock:
    inner = after // _EXPANSION
    layers = [conv(before, inner, 1, stride), conv(inner, inner, 3), conv(inner, after, 1)]
    return PreActivationBlock(layers, None if before == after and stride == 1 else conv(before, after, 1, stride))
