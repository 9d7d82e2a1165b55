"""The key to models' names: one line and a small drawing of a base, a deeper and a wider network."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.analysis.evidence import Evidence
from harness.config.families import parse_model

_LAYER, _GAP = 5, 3  # pixels
_WIDTH, _DEEPER, _WIDER = 26, 9, 2.6  # of the base in pixels; layers of the deeper network; times the base's width
_LAYERS = 4


def key_view(found: Sequence[Evidence]) -> dict[str, Any] | None:
    """Return the key to the models of the first study with both axes, else with one; None without any."""
    axes = next((one.axes for one in found if one.axes is not None and one.axes.depth and one.axes.width), None)
    if axes is None:
        axes = next((one.axes for one in found if one.axes is not None), None)
    if axes is None:
        return None
    base = parse_model(axes.base)
    drawings = [{"model": axes.base, "note": "the base", "drawing": _network(_LAYERS, _WIDTH, "base")}]
    if axes.depth:
        deep = parse_model(axes.depth[-1])
        note = f"deeper: {deep.depth} layers instead of {base.depth}"
        drawings.append({"model": deep.name, "note": note, "drawing": _network(_DEEPER, _WIDTH, "deep")})
    if axes.width:
        wide = parse_model(axes.width[-1])
        note = f"wider: {wide.width / base.width:g} times the channels in every layer"
        drawings.append({"model": wide.name, "note": note, "drawing": _network(_LAYERS, _WIDTH * _WIDER, "wide")})
    example = axes.width[-1] if axes.width else axes.depth[-1]
    return {"model": example, "text": _name_text(example), "drawings": drawings}


def _name_text(name: str) -> str:
    """Return the meaning of a model's name in one line."""
    model = parse_model(name)
    channels = "every layer has ω times the channels"
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
