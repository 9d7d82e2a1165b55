"""The key to models' names: one line and a small drawing of a base, a deeper and a wider network."""

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.analysis.evidence import Evidence
from harness.config.families import Model

_LAYER, _GAP = 5, 3  # pixels
_WIDTH, _DEEPER, _WIDER = 26, 9, 2.6  # of the base in pixels; layers of the deeper network; times the base's width
_LAYERS = 4
_LAYERS_AND_WIDTH = re.compile(r"(resnet|preresnet|plain)\d+(-[\d.]+)?")


def key_view(found: Sequence[Evidence]) -> dict[str, Any] | None:
    """Return the key to the models of the first study with both axes, else with one; None without any."""
    with_axes = [(one, one.axes) for one in found if one.axes is not None]
    if not with_axes:
        return None
    study, axes = next(((one, of) for one, of in with_axes if of.depth and of.width), with_axes[0])
    base = study.points[axes.base]
    drawings = [{"model": base.name, "note": "the base", "drawing": _network(_LAYERS, _WIDTH, "base")}]
    if axes.depth:
        deep, drawing = study.points[axes.depth[-1]], _network(_DEEPER, _WIDTH, "deep")
        drawings.append({"model": deep.name, "note": _deeper_note(base, deep), "drawing": drawing})
    if axes.width:
        wide, drawing = study.points[axes.width[-1]], _network(_LAYERS, _WIDTH * _WIDER, "wide")
        drawings.append({"model": wide.name, "note": _wider_note(base, wide), "drawing": drawing})
    example = study.points[axes.width[-1] if axes.width else axes.depth[-1]]
    return {"model": example.name, "text": _name_text(example), "drawings": drawings}


def _is_named_by_layers(model: Model) -> bool:
    """Return whether a name's numbers are those of the study's: layers, and ω for every layer."""
    return _LAYERS_AND_WIDTH.fullmatch(model.name) is not None


def _deeper_note(base: Model, deep: Model) -> str:
    if base.depth is None or deep.depth is None:
        return "deeper"
    if _is_named_by_layers(deep):
        return f"deeper: {deep.depth} layers instead of {base.depth}"
    return f"deeper: depth {deep.depth} instead of {base.depth}"


def _wider_note(base: Model, wide: Model) -> str:
    if not base.width or wide.width is None:
        return "wider"
    if _is_named_by_layers(wide):
        return f"wider: {wide.width / base.width:g} times the channels in every layer"
    return f"wider: width {wide.width:g} instead of {base.width:g}"


def _name_text(model: Model) -> str:
    """Return the meaning of a model's name in one line; empty if its numbers mean something else."""
    name, channels = model.name, "every layer has ω times the channels"
    if not _is_named_by_layers(model):
        return ""
    if model.width == 1:
        return f"{model.depth} layers deep. A second number, as in {name}-2, is the width coefficient ω: {channels}."
    return f"{model.depth} layers deep, and ω = {model.width:g}: {channels}. Without a second number ω is 1."


def _network(layers: int, width: float, kind: str) -> Markup:
    """Return a network as a stack of bars: a bar for a layer, as long as the layer is wide."""
    height = _DEEPER * (_LAYER + _GAP)
    top = height - layers * (_LAYER + _GAP)
    bars = [
        Markup('<rect x="{:.0f}" y="{}" width="{:.0f}" height="{}" rx="1"/>').format(
            (_WIDTH * _WIDER - width) / 2, top + k * (_LAYER + _GAP), width, _LAYER
        )
        for k in range(layers)
    ]
    return Markup('<svg class="network {0}" width="{1:.0f}" height="{2}" aria-hidden="true">{3}</svg>').format(
        kind, _WIDTH * _WIDER, height, Markup("").join(bars)
    )
