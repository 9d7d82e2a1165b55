"""The style of each model, the same in all figures, and the drawing of points and labels.

Colour shows the axis (base, depth, width); marker and line show the step along it, so figures read in black and white.
"""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas

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


def draw_label(plot: Plot, x: float, y: float, model: str, style: Style, *, is_rising: bool = False) -> None:
    """Draw a model's name beside its point: deep models to the lower left, others to the upper right.

    Args:
        is_rising: the points lie on rising lines; names keep off these, wide models below them, others above.
    """
    below = style.kind == ("width" if is_rising else "depth")
    is_left = below != is_rising
    place = {"xytext": (-6 if is_left else 6, -5 if below else 5), "va": "top" if below else "bottom"}
    place["ha"] = "right" if is_left else "left"
    plot.annotate(model, (x, y), textcoords="offset points", fontsize=9, **place)  # type: ignore[arg-type]


def error_bars(mean: Interval) -> Errors:
    """Return an interval as matplotlib's error bars; None if there is no interval."""
    if mean.low is None or mean.high is None:
        return None
    return [[mean.mean - mean.low], [mean.high - mean.mean]]


def plots_in_a_row(canvas: Canvas, count: int, *, sharey: bool = False) -> list[Plot]:
    """Return ``count`` new plots side by side."""
    return list(canvas.subplots(1, count, sharey=sharey, squeeze=False)[0])
