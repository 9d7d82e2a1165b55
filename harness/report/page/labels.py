"""Places for the names beside the points of a drawing, so that none covers another."""

from collections.abc import Sequence

from markupsafe import Markup

NARROWEST = 250
"""The width in pixels of the drawing in a window of 360 pixels; wider drawings only move names apart."""
_CHARACTER, _LINE, _MARK = 6.9, 14.0, 8.0  # pixels
Box = tuple[float, float, float, float]
# Anchor, and the distance in pixels of the text's start, middle or end from the point: beside, above, below.
_UP, _DOWN = ("middle", 0, -14), ("middle", 0, 24)
_BESIDE_UP, _BESIDE_DOWN = (("start", 11, -5), ("end", -11, -5)), (("start", 11, 12), ("end", -11, 12))
_ABOVE = (_UP, *_BESIDE_UP, *_BESIDE_DOWN, _DOWN)
_BELOW = (_DOWN, *_BESIDE_DOWN, *_BESIDE_UP, _UP)


def place_labels(points: Sequence[tuple[float, float, str, str]], height: float) -> dict[str, Markup]:
    """Return the text of each name that has room beside its point.

    Args:
        points: each point's x from 0 to 1, y in pixels, name and kind; names of deep ones are rather below.
        height: of the drawing in pixels.
    """
    taken = [_mark_box(x, y) for x, y, _, _ in points]
    labels = {}
    for x, y, name, kind in points:
        for anchor, dx, dy in _BELOW if kind == "deep" else _ABOVE:
            box = _text_box(NARROWEST * x + dx, y + dy, name, anchor)
            inside = box[0] >= -44 and box[2] <= NARROWEST + 16 and box[1] >= 0 and box[3] <= height
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                labels[name] = Markup('<text class="name" text-anchor="{}" x="{}" y="{}">{}</text>').format(
                    anchor, dx, dy, name
                )
                break
    return labels


def _mark_box(x: float, y: float) -> Box:
    return NARROWEST * x - _MARK, y - _MARK, NARROWEST * x + _MARK, y + _MARK


def _text_box(x: float, y: float, text: str, anchor: str) -> Box:
    width = _CHARACTER * len(text)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, y - _LINE + 3, left + width, y + 3


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
