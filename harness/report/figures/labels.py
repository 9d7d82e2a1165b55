"""Places for the names beside the points of a drawing, so that none covers another.

Lengths are in pixels of a text of 12.5 pixels, y downwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

NARROWEST = 250.0
"""The width of the page's drawing in a window of 360 pixels; wider drawings only move names apart."""
_CHARACTER, _LINE, _MARK = 6.9, 14.0, 8.0
_LEFT, _RIGHT = -44.0, 16.0  # the room beside the drawing that names may use
Anchor = Literal["start", "middle", "end"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class NamedPoint:
    """A point with its name; ``x`` from 0 to 1, ``y`` from the top."""

    name: str
    x: float
    y: float
    is_deep: bool


@dataclass(frozen=True)
class Place:
    """A name's place: the distance of its start, middle or end from its point, to the right and down."""

    anchor: Anchor
    dx: float
    dy: float


_UP, _DOWN = Place("middle", 0, -14), Place("middle", 0, 24)
_BESIDE_UP = Place("start", 11, -5), Place("end", -11, -5)
_BESIDE_DOWN = Place("start", 11, 12), Place("end", -11, 12)
_ABOVE = (_UP, *_BESIDE_UP, *_BESIDE_DOWN, _DOWN)
_BELOW = (_DOWN, *_BESIDE_DOWN, *_BESIDE_UP, _UP)


def excess_characters(texts: Iterable[str], usual: int) -> int:
    """Return the number of characters by which the longest text exceeds the usual length."""
    return max(0, *(len(text) - usual for text in texts))


def place_labels(named: Sequence[NamedPoint], others: Sequence[NamedPoint], height: float) -> dict[str, Place]:
    """Return a place for each name that has room beside its point; names of deep models are rather below.

    Args:
        others: points without names, which names must not cover either.
    """
    taken = [_mark_box(one) for one in (*named, *others)]
    places = {}
    for point in named:
        for place in _BELOW if point.is_deep else _ABOVE:
            box = _text_box(point, place)
            is_inside = box[0] >= _LEFT and box[2] <= NARROWEST + _RIGHT and box[1] >= 0 and box[3] <= height
            if is_inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                places[point.name] = place
                break
    return places


def _mark_box(point: NamedPoint) -> Box:
    x = NARROWEST * point.x
    return x - _MARK, point.y - _MARK, x + _MARK, point.y + _MARK


def _text_box(point: NamedPoint, place: Place) -> Box:
    width, y = _CHARACTER * len(point.name), point.y + place.dy
    left = NARROWEST * point.x + place.dx - {"start": 0.0, "middle": width / 2, "end": width}[place.anchor]
    return left, y - _LINE + 3, left + width, y + 3


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
