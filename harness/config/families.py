"""The two ResNet families and the grammar of model names.

Needs no torch: the networks are in `harness.models.resnet`. A model's name is ``resnet<depth>`` or
``resnet<depth>-<ω>``. The depth decides the family; ω is the width coefficient, by which every convolution's channels
are multiplied (1 if absent).

Source: paper tables 1 to 3, corrected by its appendix code: ω widens the stem too, and the ImageNet family consists of
bottleneck blocks.
"""

import re
from dataclasses import dataclass
from typing import Literal

from harness.errors import InputError

Family = Literal["cifar", "imagenet"]

# Blocks per stage. 24 is the paper's own network: it has 38 convolution and linear layers despite its name.
IMAGENET_BLOCKS: dict[int, tuple[int, ...]] = {
    24: (3, 3, 3, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
# Channels of each stage at ω = 1; the stem has those of the first stage.
STAGE_CHANNELS: dict[Family, tuple[int, ...]] = {"cifar": (16, 32, 64), "imagenet": (64, 128, 256, 512)}

_STRIDES: dict[Family, int] = {"cifar": 4, "imagenet": 32}  # from the input to the last stage

OPERATIONS_PER_MAC = 6
"""Floating-point operations of training per multiply-accumulate of the forward pass: a multiplication and an addition,
forward once and backward twice (for the inputs and for the weights)."""

_NAME = re.compile(r"resnet(0|[1-9][0-9]{0,5})(?:-(0|[1-9][0-9]{0,5}))?")


@dataclass(frozen=True)
class Model:
    """A point of a family: its nominal depth and its width coefficient ω."""

    family: Family
    depth: int
    width: int = 1

    @property
    def name(self) -> str:
        """The canonical name: ``resnet20``, ``resnet20-4``."""
        return f"resnet{self.depth}" + (f"-{self.width}" if self.width > 1 else "")

    @property
    def blocks(self) -> tuple[int, ...]:
        """Residual blocks in each stage."""
        return IMAGENET_BLOCKS[self.depth] if self.family == "imagenet" else ((self.depth - 2) // 6,) * 3

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each stage, before a bottleneck's expansion; the stem has those of the first stage."""
        return tuple(self.width * channels for channels in STAGE_CHANNELS[self.family])

    def smallest_batch(self, image_size: int) -> int:
        """Return the fewest images that a training step can have: two if the last stage's maps are 1×1.

        From one image, BatchNorm would then get a single value per channel, which has no variance.
        """
        return 2 if image_size <= _STRIDES[self.family] else 1


def parse_model(name: str) -> Model:
    """Return the model of that name.

    Depths 24, 50, 101 and 152 belong to the ImageNet family, every other depth 6n+2 with n ≥ 1 to the CIFAR family. 50
    and 152 are 6n+2 too, but the names mean the well-known networks.

    Raises:
        InputError: the name does not follow the grammar, no family has that depth, or ω is 0.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(
            f"unknown model {name!r}: give resnet<depth> or resnet<depth>-<width>, e.g. resnet20 or resnet20-4"
        )
    depth, width = int(match[1]), int(match[2] or 1)
    family: Family = "imagenet" if depth in IMAGENET_BLOCKS else "cifar"
    if family == "cifar" and (depth < 8 or depth % 6 != 2):
        below = max(8, depth - (depth - 2) % 6)
        raise InputError(
            f"unknown model {name!r}: no family has depth {depth}; "
            f"depths are 6n+2 (8, 14, 20, 32, 56, 110, …; nearest {below} and {below + 6}) or 24, 50, 101, 152"
        )
    if width == 0:
        raise InputError(f"unknown model {name!r}: the width coefficient must be 1 or more, e.g. resnet{depth}-2")
    return Model(family, depth, width)


def has_models_between(first: str, second: str) -> bool:
    """Return whether a family has models between two that differ in depth or in width alone."""
    one, other = parse_model(first), parse_model(second)
    if one.width != other.width:
        return abs(one.width - other.width) > 1
    low, high = sorted((one.depth, other.depth))
    depths = IMAGENET_BLOCKS if one.family == "imagenet" else range(low + 6, high, 6)
    return any(low < depth < high for depth in depths)
