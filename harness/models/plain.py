"""Plain networks: the study's residual networks without their shortcuts (He et al. 2016, section 3.3).

``plain20`` has the layers of ``resnet20``, whose shortcuts have no parameters, and so as many parameters. ``plain50``
lacks the projections of ``resnet50``. Weights are initialised as in `harness.models.resnet`.
"""

from harness.config.families import Model
from harness.models.resnet import BasicBlock, Bottleneck, ResNet, Shortcut


class PlainBasicBlock(BasicBlock):
    """Two 3×3 convolutions, each with batch normalisation and ReLU."""

    has_shortcut = False


class PlainBottleneck(Bottleneck):
    """The three convolutions of a bottleneck block, each with batch normalisation and ReLU."""

    has_shortcut = False


def plain_network(model: Model, in_channels: int, num_classes: int, _: Shortcut = "A") -> ResNet:
    """Return the plain network of the model's depth and width, which maps images to logits."""
    return ResNet(model, in_channels, num_classes, blocks=(PlainBasicBlock, PlainBottleneck))
