"""The style of each model, the same in all figures, and the drawing of points and labels.

Colour shows the axis (base, depth, width); marker and line show the step along it, so figures read in black and white.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from harness.analysis.evidence import Evidence
from harness.analysis.stats import Interval
from harness.report.figures.figure import INK

BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#AA5599"  # after Okabe and Ito, safe for the colour-blind
_GREEN, _OCHRE = "#009E73", "#B58900"
COLOUR_KEY = "Blue, round or square: deeper; orange, triangles: wider."
NO_INTERVAL = "none with one seed, or if all seeds agree"
_DEPTH_MARKS = [("o", "-"), ("s", "--"), ("D", "-."), ("p", ":")]
_WIDTH_MARKS = [("^", "-"), ("v", "--"), (">", "-."), ("<", ":")]
_OTHER_MARKS = [("X", ":"), ("*", "-"), ("h", "--"), ("d", "-.")]
_OTHER_COLOURS = [PURPLE, _GREEN, _OCHRE]
_KINDS = ("base", "depth", "width", "other")
Errors = list[list[float]] | None


@dataclass(frozen=True)
class Style:
    """A model's kind (``base``, ``depth``, ``width`` or ``other``, and in words), colour, marker and line."""

    kind: str
    colour: str
    marker: str
    line: str
    words: str = ""


DEEPER, WIDER = Style("depth", BLUE, "o", "-"), Style("width", VERMILLION, "^", "-")


def styles_of(evidence: Evidence) -> dict[str, Style]:
    """Return the style of each model of a study, the same for all of its figures."""
    axes = evidence.axes
    if axes is None:
        return _other_styles(evidence, evidence.models)
    on_axes = {axes.base: Style("base", INK, "P", "-", "base")}
    for kind, colour, models, marks, words in (
        ("depth", BLUE, axes.depth, _DEPTH_MARKS, "deeper"),
        ("width", VERMILLION, axes.width, _WIDTH_MARKS, "wider"),
    ):
        for place, model in enumerate(models):
            on_axes[model] = Style(kind, colour, *marks[place % len(marks)], words)
    return on_axes | _other_styles(evidence, [model for model in evidence.models if model not in on_axes])


def _other_styles(evidence: Evidence, models: Sequence[str]) -> dict[str, Style]:
    """Return the styles of models on neither axis: a colour for each family."""
    groups: dict[str, list[str]] = {}
    for model in models:
        groups.setdefault(_family_words(evidence, model), []).append(model)
    styles = {}
    for colour, (words, group) in zip(cycle(_OTHER_COLOURS), groups.items(), strict=False):
        for (marker, line), model in zip(cycle(_OTHER_MARKS), group, strict=False):
            styles[model] = Style("other", colour, marker, line, words if len(groups) > 1 else other_words(evidence))
    return styles


def _family_words(evidence: Evidence, model: str) -> str:
    """Return the family of a model on neither axis; `other_words` for the base's own family."""
    point, axes = evidence.points[model], evidence.axes
    is_of_base = axes is not None and point.family == evidence.points[axes.base].family
    return other_words(evidence) if is_of_base or point.depth is None else model.partition(str(point.depth))[0]


def other_words(evidence: Evidence) -> str:
    """Return the word for models on neither axis."""
    return "model" if evidence.axes is None else "on neither axis"


def draw_point(
    plot: Plot,
    x: float,
    y: float,
    style: Style,
    *,
    xerr: Errors = None,
    yerr: Errors = None,
    is_hollow: bool = False,
    size: float = 7,
) -> None:
    """Draw a point with its error bars; ``size`` in typographic points."""
    fill: dict[str, Any] = {"markerfacecolor": "none", "alpha": 0.85} if is_hollow else {}
    marks: dict[str, Any] = {"color": style.colour, "marker": style.marker, "ms": size, "ls": "", **fill}
    plot.errorbar(x, y, xerr=xerr, yerr=yerr, capsize=size / 2, lw=1.2, zorder=3, **marks)


def draw_label(plot: Plot, x: float, y: float, model: str, style: Style) -> None:
    """Draw a model's name beside its point on a rising line: wide models' below it, others' above."""
    place = (
        {"xytext": (6, -5), "va": "top", "ha": "left"} if style.kind == "width" else {"xytext": (-6, 5), "ha": "right"}
    )
    plot.annotate(model, (x, y), textcoords="offset points", fontsize=9, **place)  # type: ignore[arg-type]


def draw_key(canvas: Canvas, styles: Iterable[Style], *more: Artist) -> None:
    """Draw the meaning of colours and marks below the plots: a file is also looked at without its caption.

    Args:
        styles: of the models drawn; the key has a mark for each kind, and for each family on neither axis.
        more: handles with labels, for all else that is drawn.
    """
    handles = [mark_handle(style, words) for words, style in first_of_each(styles).items()]
    canvas.legend(handles=[*handles, *more], loc="outside lower center", ncols=6, columnspacing=1.4)


def first_of_each(styles: Iterable[Style]) -> dict[str, Style]:
    """Return the first style of each kind in words, in the key's order: base, deeper, wider, others."""
    found: dict[str, Style] = {}
    for style in sorted(styles, key=lambda style: _KINDS.index(style.kind)):
        found.setdefault(style.words, style)
    return found


def mark_handle(style: Style, label: str, *, is_hollow: bool = False) -> Line2D:
    """Return a handle for the key: a mark in the style, with its meaning."""
    fill = "none" if is_hollow else style.colour
    return Line2D([], [], color=style.colour, marker=style.marker, ls="", markerfacecolor=fill, label=label)


def error_bars(mean: Interval) -> Errors:
    """Return an interval as matplotlib's error bars; None if there is no interval."""
    if mean.low is None or mean.high is None:
        return None
    return [[mean.mean - mean.low], [mean.high - mean.mean]]


def plots_in_a_row(canvas: Canvas, count: int, *, sharey: bool = False) -> list[Plot]:
    """Return ``count`` new plots side by side."""
    return list(canvas.subplots(1, count, sharey=sharey, squeeze=False)[0])
