"""Networks that come with the harness: the table of their families, the grammar of their names.

Needs no torch. The forms are ``<stem><depth>`` and ``<stem><depth>-<ω>`` with the width coefficient ω, a whole number
or a fraction (1 if absent); ``wrn`` may have a dropout probability at its end: ``wrn16-8-dropout0.3``. Networks of
libraries are ``torchvision:<name>`` and ``timm:<name>``, see `harness.config.library_names`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from harness.config.library_names import LIBRARIES, POINTS
from harness.errors import InputError

# Blocks per stage. 24 is the paper's own network: it has 38 convolution and linear layers despite its name.
IMAGENET_BLOCKS: dict[int, tuple[int, ...]] = {
    24: (3, 3, 3, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}

_LARGE_IMAGE_SIZE, _SMALL_IMAGE_SIZE = 224, 32  # of ImageNet, of CIFAR
_NO_DEPTH = 10**6  # depths have at most six digits
_BASIC_DEPTHS = range(8, _NO_DEPTH, 6)
_NAME = re.compile(r"([a-z]+)(0|[1-9][0-9]{0,5})(?:-((?:0|[1-9][0-9]{0,5})(?:\.[0-9]{0,3}[1-9])?))?(-dropout\S{0,9})?")
_DROPOUT = re.compile(r"-dropout(0\.[0-9]{0,3}[1-9])")
_LIBRARY_NAME = re.compile(r"[a-z0-9_]{1,80}")


class Place(NamedTuple):
    """A model's canonical name and its place in a family; None for what the name does not tell."""

    name: str
    family: str
    depth: int | None = None
    width: float | None = None


@dataclass(frozen=True)
class _Grids:
    """The families of networks whose names have one stem.

    Attributes:
        builder: ``module:function``; called with the model, input channels, number of classes and shortcut option.
        families: (family, depths that exist); the first that has a depth counts.
        depths: the depths in words, with examples.
        example: a name with a width.
        summary: the kind of networks, for a list of the names.
        for_large_images: those of the families that are made for images of ImageNet's size.
    """

    builder: str
    families: tuple[tuple[str, Sequence[int]], ...]
    depths: str
    example: str
    summary: str
    for_large_images: tuple[str, ...] = ()


_GRIDS = {
    # 50 and 152 are 6n+2 too, but the names mean the well-known networks.
    "resnet": _Grids(
        builder="harness.models.resnet:ResNet",
        families=(("imagenet", tuple(IMAGENET_BLOCKS)), ("cifar", _BASIC_DEPTHS)),
        depths="6n+2 (8, 14, 20, 32, 56, 110, …) or 24, 50, 101, 152",
        example="resnet20-4",
        summary="the study's residual networks",
        for_large_images=("imagenet",),
    ),
    "plain": _Grids(
        builder="harness.models.plain:plain_network",
        families=(("plain-imagenet", tuple(IMAGENET_BLOCKS)), ("plain", _BASIC_DEPTHS)),
        depths="6n+2 (8, 14, 20, 32, 56, 110, …) or 24, 50, 101, 152",
        example="plain20-4",
        summary="the same networks without shortcuts",
        for_large_images=("plain-imagenet",),
    ),
    # 164 is 6n+2 too, but the name means the paper's bottleneck network.
    "preresnet": _Grids(
        builder="harness.models.preresnet:preresnet",
        families=(
            ("preresnet-bottleneck", (164,)),
            ("preresnet", _BASIC_DEPTHS),
            ("preresnet-bottleneck", range(11, _NO_DEPTH, 18)),
        ),
        depths="6n+2 (8, 14, 20, 32, 56, 110, …), or of bottlenecks 164 and odd 9n+2 (11, 29, 47, 1001, …)",
        example="preresnet20-4",
        summary="pre-activation networks (He et al. 2016b)",
    ),
    "wrn": _Grids(
        builder="harness.models.wrn:wide_resnet",
        families=(("wrn", range(10, _NO_DEPTH, 6)),),
        depths="6n+4 (10, 16, 22, 28, 40, …)",
        example="wrn28-10",
        summary="wide residual networks (Zagoruyko & Komodakis 2016)",
    ),
}
_WITH_DROPOUT = "wrn"
BUILT_IN_NAMES = frozenset({*_GRIDS, *LIBRARIES, *(family for one in _GRIDS.values() for family, _ in one.families)})
"""The stems and families that a user's own family cannot have as its name."""


def grid_name(stem: str, depth: int, width: float) -> str:
    """Return the canonical name of a point of a family: ``resnet20``, ``resnet20-4``, ``resnet20-0.5``."""
    return f"{stem}{depth}" + (f"-{int(width) if float(width).is_integer() else width}" if width != 1 else "")


def grammar() -> list[tuple[str, str]]:
    """Return the forms of the names of networks that come with the harness, each with its meaning."""
    forms = [
        (f"{stem}<depth>[-<ω>]{'[-dropout<p>]' if stem == _WITH_DROPOUT else ''}", f"{one.summary}: depth {one.depths}")
        for stem, one in _GRIDS.items()
    ]
    return [*forms, *((f"{library}:<name>", one.hint) for library, one in LIBRARIES.items())]


def builder_of(name: str) -> str:
    """Return ``module:function`` of the function that builds the network of a canonical name."""
    library, colon, _ = name.partition(":")
    return LIBRARIES[library].builder if colon else _GRIDS[re.split("[0-9]", name)[0]].builder


def dropout_of(family: str) -> float:
    """Return the dropout probability that is part of a family's name; 0 if there is none."""
    return float(family.partition("-dropout")[2] or 0)


def usual_image_size(family: str) -> int:
    """Return the side in pixels of the images that a family is made for; those of libraries for ImageNet."""
    is_for_large = ":" in family or any(family in one.for_large_images for one in _GRIDS.values())
    return _LARGE_IMAGE_SIZE if is_for_large else _SMALL_IMAGE_SIZE


def values_of(family: str, axis: Literal["depth", "width"]) -> Sequence[Sequence[float]] | None:
    """Return ascending sequences of the depths or widths that a family has; None if it has every one.

    A family of the user's is taken to have every depth and width: results keep no table of them.
    """
    if ":" in family:
        values = {(depth if axis == "depth" else width) for own, depth, width in POINTS.values() if own == family}
        return [sorted(value for value in values if value is not None)]
    stem = family.partition("-dropout")[0]
    grids = [depths for one in _GRIDS.values() for own, depths in one.families if own == stem]
    return grids if axis == "depth" and grids else None


def find_place(name: str) -> Place:
    """Return the place of a network of the harness.

    A library's networks are known to the library alone, which is imported later, before anything is loaded or trained:
    see `harness.models.library.require_known`.

    Raises:
        InputError: the name does not follow the grammar, no family has that depth, ω is 0, or the dropout probability
            is not between 0 and 1.
    """
    library, colon, rest = name.partition(":")
    if colon and library in LIBRARIES:
        return _library_place(library, rest)
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in _GRIDS:
        raise InputError(f"unknown model {name!r}: give {_right_names(name)}")
    stem, depth, width = match[1], int(match[2]), float(match[3] or 1)
    family = next((family for family, depths in _GRIDS[stem].families if depth in depths), None)
    if family is None:
        raise InputError(f"unknown model {name!r}: no {stem} has depth {depth}; {_right_depths(stem, depth, name)}")
    if width == 0:
        raise InputError(f"unknown model {name!r}: the width coefficient must be above 0, e.g. {stem}{depth}-2")
    dropout = _checked_dropout(name, stem, match[4]) if match[4] else ""
    whole = int(width) if width.is_integer() else width
    return Place(grid_name(stem, depth, width) + dropout, family + dropout, depth, whole)


def _checked_dropout(name: str, stem: str, text: str) -> str:
    if stem != _WITH_DROPOUT:
        raise InputError(f"unknown model {name!r}: {stem} has no dropout; wrn has, e.g. wrn16-8-dropout0.3")
    if _DROPOUT.fullmatch(text) is None:
        raise InputError(
            f"unknown model {name!r}: give a dropout probability between 0 and 1 of at most four decimals, "
            "e.g. wrn16-8-dropout0.3"
        )
    return text


def _library_place(library: str, name: str) -> Place:
    if _LIBRARY_NAME.fullmatch(name) is None:
        raise InputError(f"unknown model {f'{library}:{name}'!r}: give {LIBRARIES[library].hint}")
    whole = f"{library}:{name}"
    point = POINTS.get(whole)
    return Place(whole, whole) if point is None else Place(whole, *point)


def _right_names(name: str) -> str:
    """Return which names could have been meant."""
    if library := _library_with(name):
        return f"{library}:{name}"
    for stem in sorted(_GRIDS, key=len, reverse=True):
        if name.lower().startswith(stem):
            example = _GRIDS[stem].example
            return f"{stem}<depth> or {stem}<depth>-<width>, e.g. {example.partition('-')[0]} or {example}"
    examples = [one.example for one in _GRIDS.values()]
    return f"a model like {', '.join(examples)}, torchvision:resnet18 or timm:resnet18"


def _library_with(name: str) -> str | None:
    """Return the library whose network has this name, among those whose names tell depth or width."""
    return next((library for library in LIBRARIES if f"{library}:{name}" in POINTS), None)


def _right_depths(stem: str, depth: int, name: str) -> str:
    grids = [depths for _, depths in _GRIDS[stem].families]
    below = max([ds[bisect_left(ds, depth) - 1] for ds in grids if ds[0] < depth], default=None)
    above = min([ds[bisect_right(ds, depth)] for ds in grids if depth < ds[-1]], default=None)
    nearest = " and ".join(str(one) for one in (below, above) if one is not None)
    library = f"; or {library}:{name}" if (library := _library_with(name)) else ""
    return f"depths are {_GRIDS[stem].depths}; nearest {nearest}{library}"
