"""The style of each model, the same in all figures, and the drawing of points and labels.

Colour shows the axis (base, depth, width); marker and line show the step along it, so figures read in black and white.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from harness.analysis.evidence import Evidence
from harness.analysis.stats import Interval
from harness.report.figures.figure import INK

BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#AA5599"  # after Okabe and Ito, safe for the colour-blind
COLOUR_KEY = "Blue, round or square: deeper; orange, triangles: wider."
NO_INTERVAL = "none with one seed, or if all seeds agree"
_DEPTH_MARKS = [("o", "-"), ("s", "--"), ("D", "-."), ("p", ":")]
_WIDTH_MARKS = [("^", "-"), ("v", "--"), (">", "-."), ("<", ":")]
Errors = list[list[float]] | None


@dataclass(frozen=True)
class Style:
    """A model's kind (``base``, ``depth``, ``width`` or ``other``), colour, marker and line."""

    kind: str
    colour: str
    marker: str
    line: str


KIND_WORDS = {"base": "base", "depth": "deeper", "width": "wider", "other": "on neither axis"}
DEEPER, WIDER = Style("depth", BLUE, "o", "-"), Style("width", VERMILLION, "^", "-")


def styles_of(evidence: Evidence) -> dict[str, Style]:
    """Return the style of each model of a study, the same for all of its figures."""
    axes = evidence.axes
    styles = {model: Style("other", PURPLE, "X", ":") for model in evidence.models}
    if axes is not None:
        styles[axes.base] = Style("base", INK, "P", "-")
        for kind, colour, models, marks in (
            ("depth", BLUE, axes.depth, _DEPTH_MARKS),
            ("width", VERMILLION, axes.width, _WIDTH_MARKS),
        ):
            for place, model in enumerate(models):
                styles[model] = Style(kind, colour, *marks[place % len(marks)])
    return styles


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
        styles: of the models drawn; the key has a mark for each kind.
        more: handles with labels, for all else that is drawn.
    """
    of_kind = {style.kind: style for style in reversed(list(styles))}
    handles = [mark_handle(of_kind[kind], words) for kind, words in KIND_WORDS.items() if kind in of_kind]
    canvas.legend(handles=[*handles, *more], loc="outside lower center", ncols=6, columnspacing=1.4)


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
