"""Models and families of networks: values that a bench file names or makes. Needs no torch.

Networks are built in `harness.models`. `parse_model` knows the names of the networks that come with the harness, see
`harness.config.built_in`; `Family` and `named_model` are for the user's own.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal

from harness.config.built_in import BUILT_IN_NAMES, IMAGENET_BLOCKS, find_place, grid_name, values_of
from harness.config.network_origin import NetworkOrigin
from harness.config.recipe import Recipe, check_recipe
from harness.config.standard import Standard
from harness.errors import InputError
from harness.files import safe_name

__all__ = [
    "IMAGENET_BLOCKS",
    "OPERATIONS_PER_MAC",
    "Build",
    "Family",
    "Model",
    "grid_name",
    "has_models_between",
    "named_model",
    "parse_model",
]

OPERATIONS_PER_MAC = 6
"""Floating-point operations of training per multiply-accumulate of the forward pass: a multiplication and an addition,
forward once and backward twice (for the inputs and for the weights)."""

Build = Callable[[int, int], Any]
"""Function from the channels of the images and the number of classes to a ``torch.nn.Module``."""


@dataclass(frozen=True)
class Model:
    """A network by its name: a point of a family, or one without depth and width.

    Attributes:
        name: the canonical name, e.g. ``resnet20-4``.
        family: models of one family are compared by depth and width; ``cifar`` and ``imagenet`` are the study's.
        depth: nominal depth; None for a network without a place in a family.
        width: width coefficient ω, a whole number or a fraction; None like the depth.
        build: builds the user's own network; None for a network that comes with the harness.
        origin: the code of the user's own network, once it is known.
    """

    name: str
    family: str
    depth: int | None = None
    width: float | None = None
    build: Build | None = field(default=None, repr=False, hash=False)  # a callable object need not have a hash
    recipe: Recipe | Standard | None = field(default=None, repr=False)
    origin: NetworkOrigin | None = field(default=None, repr=False, compare=False)

    @property
    def is_foreign(self) -> bool:
        """True for a network of the user or of a library: it is tried before it is trained."""
        return self.build is not None or ":" in self.name


@dataclass(frozen=True)
class Family:
    """The user's own family of networks: a name, and a function that builds one from a depth and a width.

    ``Family("mynet", build)(depth=3, width=2)`` is the model ``mynet3-2``.

    Attributes:
        name: letters, digits, ``-`` and ``_``; it begins and ends with a letter, since the depth follows it.
        build: called as ``build(depth, width, in_channels, num_classes)``; returns a ``torch.nn.Module`` from images
            (N, in_channels, H, W) to logits (N, num_classes).
        depths: the depths that exist; None for all.
        widths: the widths that exist; None for all.
        recipe: the default recipe of its models, ``"standard"`` for `Standard`; None for the dataset's own.
    """

    name: str
    build: Callable[[int, float, int, int], Any]
    depths: Container[int] | None = None
    widths: Container[float] | None = None
    recipe: Recipe | Standard | Literal["standard"] | None = None

    def __post_init__(self) -> None:
        """Check the name, the builder and the recipe.

        Raises:
            InputError: the name cannot precede a depth in a file's name, a family of the harness has it, the builder is
                no function, or the recipe is none.
        """
        if not isinstance(self.name, str) or re.fullmatch(r"[^\W\d_]([\w-]*[^\W\d_])?", self.name) is None:
            raise InputError(
                f"family {self.name!r}: give a name of letters, digits, '-' and '_' that begins and ends with a letter"
            )
        if self.name in BUILT_IN_NAMES:
            raise InputError(f"family {self.name!r}: a family of the harness has this name: give another name")
        if not callable(self.build):
            raise InputError(
                f"family {self.name!r}: build is {self.build!r}: give a function of depth, width, in_channels and "
                "num_classes that returns a torch.nn.Module"
            )
        if self.recipe is not None and not isinstance(_recipe_of(self.recipe), Standard):
            try:
                check_recipe(self.recipe)
            except InputError as error:
                raise InputError(f"family {self.name!r}: {error}") from error

    def __call__(self, depth: int = 1, width: float = 1) -> Model:
        """Return the model of that depth and width.

        Raises:
            InputError: the depth is no whole number from 1, the width no positive number, or the family lacks one.
        """
        if not (_is_number(depth, Integral) and depth >= 1):
            raise InputError(f"family {self.name!r}: depth {depth!r}: give a whole number, 1 or more")
        if not (_is_number(width, Real) and 0 < width < math.inf):
            raise InputError(f"family {self.name!r}: width {width!r}: give a number above 0, e.g. 2 or 0.5")
        depth, width = int(depth), int(width) if float(width).is_integer() else float(width)
        for what, value, values in (("depth", depth, self.depths), ("width", width, self.widths)):
            if values is not None and value not in values:
                raise InputError(f"family {self.name!r} has no {what} {value!r}: give one of {values}")
        name = grid_name(self.name, depth, width)
        return Model(name, self.name, depth, width, partial(self.build, depth, width), _recipe_of(self.recipe))


def _recipe_of(given: Recipe | Standard | Literal["standard"] | None) -> Recipe | Standard | None:
    return Standard() if given == "standard" else given


def _is_number(value: Any, kind: type) -> bool:
    """Return whether a value is a number of a kind of `numbers`, of Python or NumPy; a bool is none."""
    return isinstance(value, kind) and not isinstance(value, bool)


def named_model(name: str, build: Build) -> Model:
    """Return the user's own network without depth and width.

    Raises:
        InputError: the name cannot be part of a file's name, or a network of the harness has it.
    """
    if not isinstance(name, str) or safe_name(name) != name or not name[:1].isalnum():
        raise InputError(
            f"model {name!r}: give a name of letters, digits, '-', '_' and '.' that begins with a letter or digit"
        )
    if _is_built_in(name):
        raise InputError(f"model {name!r}: a network of the harness has this name: give another name")
    return Model(name, name, build=build)


def _is_built_in(name: str) -> bool:
    try:
        find_place(name)
    except InputError:
        return False
    return True


def parse_model(name: str) -> Model:
    """Return the model of that name, one that comes with the harness.

    Raises:
        InputError: the name does not follow the grammar, or no family has that depth, see `built_in.find_place`.
    """
    return Model(*find_place(name))


def has_models_between(one: Model, other: Model) -> bool:
    """Return whether a family has models between two that differ in depth or in width alone."""
    axis: Literal["depth", "width"] = "depth" if one.width == other.width else "width"
    first, second = getattr(one, axis), getattr(other, axis)
    if first is None or second is None or one.family != other.family:
        return False
    low, high = sorted((first, second))
    values = values_of(one.family, axis)
    if values is None:
        return axis == "width" or high - low > 1
    return any(bisect_right(some, low) < bisect_left(some, high) for some in values)
