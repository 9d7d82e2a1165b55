"""Networks of torchvision and timm whose names tell depth or width. Needs neither library.

``torchvision:<name>`` is any classification network of `torchvision.models`, ``timm:<name>`` any of timm's, by the name
of its function there. `POINTS` lists those that differ from others in the depth or the width of their names alone; each
other network is a family of its own, without depth and width.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Library:
    """A library of networks.

    Attributes:
        builder: ``module:function``, as of the harness's own families.
        hint: the names that it has, in words.
    """

    builder: str
    hint: str


LIBRARIES = {
    "torchvision": Library(
        "harness.models.library:torchvision_network",
        "the name of a function of torchvision.models, e.g. torchvision:resnet18",
    ),
    "timm": Library(
        "harness.models.library:timm_network",
        "the name of a timm model without the tag of its weights, e.g. timm:resnet18",
    ),
}

_Points = dict[str, tuple[str, int | None, float | None]]


def _by_depth(family: str, name: str, depths: Iterable[int], width: float = 1) -> _Points:
    return {name.format(depth): (family, depth, width) for depth in depths}


def _by_width(family: str, name: str, widths: Iterable[str]) -> _Points:
    """Return networks whose names tell the width alone, e.g. ``0_5`` or ``050`` for half the channels."""
    return {
        name.format(text): (family, None, float(text.replace("_", ".")) if "_" in text else int(text) / 100)
        for text in widths
    }


_BOTH: _Points = {
    **_by_depth("resnet", "wide_resnet{}_2", (50, 101), width=2),  # twice the channels in the 3×3 convolutions alone
    **_by_depth("vgg", "vgg{}", (11, 13, 16, 19)),
    **_by_depth("vgg_bn", "vgg{}_bn", (11, 13, 16, 19)),
    **_by_depth("densenet", "densenet{}", (121, 169, 201)),
    **_by_depth("densenet", "densenet{}", (161,), width=1.5),  # growth rate 48 instead of 32, stem 96 instead of 64
}
_TORCHVISION: _Points = {
    **_BOTH,
    **_by_depth("resnet", "resnet{}", (18, 34, 50, 101, 152)),
    **_by_depth("resnext_32x4d", "resnext{}_32x4d", (50,)),
    **_by_depth("resnext_32x8d", "resnext{}_32x8d", (101,)),
    **_by_depth("resnext_64x4d", "resnext{}_64x4d", (101,)),
    **_by_width("shufflenet_v2", "shufflenet_v2_x{}", ("0_5", "1_0", "1_5", "2_0")),
    **_by_width("mnasnet", "mnasnet{}", ("0_5", "0_75", "1_0", "1_3")),
}
_TIMM: _Points = {
    **_BOTH,
    **_by_depth("resnet", "resnet{}", (18, 26, 34, 50, 101, 152, 200)),
    **_by_depth("resnetd", "resnet{}d", (18, 26, 34, 50, 101, 152, 200)),
    **_by_depth("seresnet", "seresnet{}", (18, 34, 50, 101, 152)),
    **_by_depth("resnetv2", "resnetv2_{}", (18, 34, 50, 101, 152)),
    **_by_depth("resnetv2d", "resnetv2_{}d", (18, 34, 50, 101, 152)),
    **_by_depth("resnetv2_bit", "resnetv2_{}x1_bit", (50, 101)),
    **_by_depth("resnetv2_bit", "resnetv2_{}x2_bit", (152,), width=2),
    **_by_depth("resnetv2_bit", "resnetv2_{}x3_bit", (50, 101), width=3),
    **_by_depth("resnetv2_bit", "resnetv2_{}x4_bit", (152,), width=4),
    **_by_width("mobilenetv1", "mobilenetv1_{}", ("100", "125")),
    **_by_width("mobilenetv2", "mobilenetv2_{}", ("035", "050", "075", "100", "140")),
    **_by_width("mobilenetv3_small", "mobilenetv3_small_{}", ("050", "075", "100")),
    **_by_width("mobilenetv3_large", "mobilenetv3_large_{}", ("075", "100")),
    **_by_width("mnasnet", "mnasnet_{}", ("050", "075", "100", "140")),
    **_by_width("semnasnet", "semnasnet_{}", ("050", "075", "100", "140")),
    **_by_width("lcnet", "lcnet_{}", ("035", "050", "075", "100", "150")),
    **_by_width("ghostnet", "ghostnet_{}", ("050", "100", "130")),
    **_by_width("ghostnetv2", "ghostnetv2_{}", ("100", "130", "160")),
    **_by_width("rexnet", "rexnet_{}", ("100", "130", "150", "200", "300")),
}
POINTS: _Points = {
    f"{library}:{name}": (f"{library}:{family}", depth, width)
    for library, points in (("torchvision", _TORCHVISION), ("timm", _TIMM))
    for name, (family, depth, width) in points.items()
}
"""(family, depth, width) by the name of a network; None for what the name does not tell."""
