"""Families of networks, models of them, and the grammar of model names.

Needs no torch: networks are built in `harness.models`. A model's name is ``<family><depth>`` or
``<family><depth>-<ω>``; ω is the width coefficient, by which every layer's channels are multiplied (1 if absent).

Source of the study's two families, ``resnet``: paper tables 1 to 3, corrected by its appendix code: ω widens the stem
too, and the ImageNet family consists of bottleneck blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.errors import InputError
from harness.files import safe_name

if TYPE_CHECKING:
    from harness.config.recipe import Recipe
    from harness.config.standard import Standard

# Blocks per stage. 24 is the paper's own network: it has 38 convolution and linear layers despite its name.
IMAGENET_BLOCKS: dict[int, tuple[int, ...]] = {
    24: (3, 3, 3, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}

OPERATIONS_PER_MAC = 6
"""Floating-point operations of training per multiply-accumulate of the forward pass: a multiplication and an addition,
forward once and backward twice (for the inputs and for the weights)."""

Build = Callable[[int, int], Any]
"""Function from the channels of the images and the number of classes to a ``torch.nn.Module``."""

_NAME = re.compile(r"resnet(0|[1-9][0-9]{0,5})(?:-(0|[1-9][0-9]{0,5})(\.[0-9]{0,3}[1-9])?)?")


@dataclass(frozen=True)
class Model:
    """A network by its name: a point of a family, or one without depth and width.

    Attributes:
        name: the canonical name, e.g. ``resnet20-4``.
        family: models of one family are compared by depth and width; ``cifar`` and ``imagenet`` are the study's.
        depth: nominal depth; None for a network without a place in a family.
        width: width coefficient ω, a whole number or a fraction; None like the depth.
        build: builds the user's own network; None for a network that comes with the harness.
    """

    name: str
    family: str
    depth: int | None = None
    width: float | None = None
    build: Build | None = field(default=None, repr=False)
    recipe: Recipe | Standard | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Family:
    """The user's own family of networks: a name, and a function that builds one from a depth and a width.

    ``Family("mynet", build)(depth=3, width=2)`` is the model ``mynet3-2``.

    Attributes:
        name: letters, digits, ``-`` and ``_``; it ends with a letter, since the depth follows it.
        build: called as ``build(depth, width, in_channels, num_classes)``; returns a ``torch.nn.Module`` from images
            (N, in_channels, H, W) to logits (N, num_classes).
        depths, widths: the values that exist; None for all.
        recipe: the default recipe of its models; None for the dataset's own.
    """

    name: str
    build: Callable[[int, float, int, int], Any]
    depths: Container[int] | None = None
    widths: Container[float] | None = None
    recipe: Recipe | Standard | None = None

    def __call__(self, depth: int = 1, width: float = 1) -> Model:
        """Return the model of that depth and width.

        Raises:
            InputError: the family has no such depth or width.
        """
        width = int(width) if float(width).is_integer() else width
        for what, value, values in (("depth", depth, self.depths), ("width", width, self.widths)):
            if values is not None and value not in values:
                raise InputError(f"family {self.name!r} has no {what} {value!r}: give one of {values}")
        name = grid_name(self.name, depth, width)
        return Model(name, self.name, depth, width, partial(self.build, depth, width), self.recipe)


def grid_name(stem: str, depth: int, width: float) -> str:
    """Return the canonical name of a point of a family: ``resnet20``, ``resnet20-4``, ``resnet20-0.5``."""
    return f"{stem}{depth}" + (f"-{width:g}" if width != 1 else "")


def named_model(name: str, build: Build) -> Model:
    """Return the user's own network without depth and width.

    Raises:
        InputError: the name cannot be part of a file's name, or a network of the harness has it.
    """
    if not isinstance(name, str) or safe_name(name) != name:
        raise InputError(f"model {name!r}: give a name of letters, digits, '-', '_' and '.'")
    return Model(name, name, build=build)


def parse_model(name: str) -> Model:
    """Return the model of that name, one that comes with the harness.

    Depths 24, 50, 101 and 152 of ``resnet`` belong to the ImageNet family, every other depth 6n+2 with n ≥ 1 to the
    CIFAR family. 50 and 152 are 6n+2 too, but the names mean the well-known networks.

    Raises:
        InputError: the name does not follow the grammar, no family has that depth, or ω is 0.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError(
            f"unknown model {name!r}: give resnet<depth> or resnet<depth>-<width>, e.g. resnet20 or resnet20-4"
        )
    depth = int(match[1])
    width = float(match[2] + match[3]) if match[3] else int(match[2] or 1)
    family = "imagenet" if depth in IMAGENET_BLOCKS else "cifar"
    if family == "cifar" and (depth < 8 or depth % 6 != 2):
        below = max(8, depth - (depth - 2) % 6)
        raise InputError(
            f"unknown model {name!r}: no family has depth {depth}; "
            f"depths are 6n+2 (8, 14, 20, 32, 56, 110, …; nearest {below} and {below + 6}) or 24, 50, 101, 152"
        )
    if width == 0:
        raise InputError(f"unknown model {name!r}: the width coefficient must be above 0, e.g. resnet{depth}-2")
    return Model(grid_name("resnet", depth, width), family, depth, width)


def has_models_between(one: Model, other: Model) -> bool:
    """Return whether a family has models between two that differ in depth or in width alone."""
    if one.width != other.width:
        return True
    low, high = sorted((one.depth or 0, other.depth or 0))
    depths = IMAGENET_BLOCKS if one.family == "imagenet" else range(low + 6, high, 6)
    return any(low < depth < high for depth in depths)
