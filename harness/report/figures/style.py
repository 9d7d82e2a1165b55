"""How figures are drawn: one look for all, as SVG for the page and for files, and as PNG.

Colour says the axis (base, depth, width), marker and line the step along it, so that they read in black and white too.
What is drawn in `INK` takes the page's own colour.
"""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes as Plot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullFormatter

from harness.analysis.evidence import Evidence
from harness.analysis.stats import Interval
from harness.analysis.wording import short
from harness.files import write_atomically
from harness.text import count, duration

INK = "#010203"  # in figures inline on the page: the page's text colour
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#AA5599"  # after Okabe and Ito, safe for the colour-blind
_DEPTH_MARKS = [("o", "-"), ("s", "--"), ("D", "-."), ("p", ":")]
_WIDTH_MARKS = [("^", "-"), ("v", "--"), (">", "-."), ("<", ":")]
_DPI = 144
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
Errors = list[list[float]] | None
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of classes are no formulas
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        file_name: of its files, without suffix.
        title: what it shows. caption: how to read it.
        description: what a person who cannot see it has to know.
        svg: the drawing, with `INK` where the page's colour goes.
        png: the same as a picture on white.
    """

    file_name: str
    title: str
    caption: str
    description: str
    svg: str
    png: bytes


@dataclass(frozen=True)
class Style:
    """How a model is drawn."""

    kind: str
    colour: str
    marker: str
    line: str


def write_figure(figure: Figure, folder: Path) -> list[Path]:
    """The figure as SVG and PNG in a folder: the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{figure.file_name}{suffix}" for suffix in (".svg", ".png")]
    for path, content in zip(paths, (figure.svg.replace(f": {INK}", ": #000000").encode(), figure.png), strict=True):
        write_atomically(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
    return paths


def drawn(
    name: str,
    title: str,
    caption: str,
    description: str,
    draw: Callable[[Canvas], None],
    size: tuple[float, float],
) -> Figure:
    """Have a figure drawn, once for both formats."""
    with mpl.rc_context(cast(Any, _STYLE | {"svg.hashsalt": name})), warnings.catch_warnings():
        for words in (
            "Glyph .* missing",
            "Matplotlib currently does not support",
        ):  # a class's name may be in any script
            warnings.filterwarnings("ignore", words)
        canvas = Canvas(figsize=size, layout="constrained")
        draw(canvas)
        svg, png = io.StringIO(), io.BytesIO()
        FigureCanvasSVG(canvas)
        canvas.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        FigureCanvasAgg(canvas)
        canvas.savefig(png, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return Figure(name, title, caption, description, _tidied(svg.getvalue()), png.getvalue())


def _tidied(svg: str) -> str:
    """The ``svg`` element alone, without the ids that nothing refers to: a page has many drawings, and each id once."""
    body = svg[svg.index("<svg") :]
    body = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    return re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", body).strip()


def styles_of(evidence: Evidence) -> dict[str, Style]:
    """How each model of a study is drawn in all of its figures."""
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


def point(
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
    """A point with its error bars."""
    fill: dict[str, Any] = {"markerfacecolor": "none", "alpha": 0.85} if is_hollow else {}
    marks: dict[str, Any] = {"color": style.colour, "marker": style.marker, "ms": size, "ls": "", **fill}
    plot.errorbar(x, y, xerr=xerr, yerr=yerr, capsize=size / 2, lw=1.2, zorder=3, **marks)


def label(plot: Plot, x: float, y: float, model: str, style: Style, *, is_rising: bool = False) -> None:
    """A model's name beside its point: of deep ones to the lower left, of others to the upper right.

    Args:
        is_rising: the points are on rising lines: names stand off them, of wide models below, of others above.
    """
    below = style.kind == ("width" if is_rising else "depth")
    is_left = below != is_rising
    place = {"xytext": (-6 if is_left else 6, -5 if below else 5), "va": "top" if below else "bottom"}
    place["ha"] = "right" if is_left else "left"
    plot.annotate(short(model), (x, y), textcoords="offset points", fontsize=9, **place)  # type: ignore[arg-type]


def errors(mean: Interval) -> Errors:
    """An interval as error bars; None where there is none."""
    if mean.low is None or mean.high is None:
        return None
    return [[mean.mean - mean.low], [mean.high - mean.mean]]


def _powers(*factors: int) -> list[float]:
    return [factor * 10.0**power for power in range(-9, 19) for factor in factors]


def _times(*factors: int) -> list[float]:
    return [
        factor * unit for unit in _TIME_UNITS.values() for factor in factors if factor * unit < 36000 or unit > 3600
    ]


_TIME_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
# Ticks by how dense they are: the first that are few enough are taken.
_NUMBERS = (_powers(1, 2, 5), _powers(1, 3), _powers(1))
_DURATIONS = (_times(1, 2, 5, 10, 30), _times(1, 5, 20), _times(1, 10), _times(1))
_MOST_TICKS = 5


class RoundTicks(Locator):
    """Two to five round values of a logarithmic axis, whatever it spans."""

    def __init__(self, choices: Sequence[Sequence[float]]) -> None:
        self.choices = choices

    def __call__(self) -> list[float]:
        low, high = self.axis.get_view_interval()  # type: ignore[union-attr]
        return self.tick_values(low, high)

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """The ticks between two values."""
        for values in self.choices:
            found = [value for value in values if vmin <= value <= vmax]
            if 2 <= len(found) <= _MOST_TICKS:
                return found
        if len(found) > _MOST_TICKS:
            return found[:: -(-len(found) // _MOST_TICKS)]
        even = MaxNLocator(_MOST_TICKS - 1, steps=[1, 2, 5, 10]).tick_values(vmin, vmax)
        return [float(value) for value in even if vmin <= value <= vmax]


def log_axis(plot: Plot, which: str, form: Callable[[float], str]) -> None:
    """A logarithmic axis with ticks that people read."""
    getattr(plot, f"set_{which}scale")("log")
    axis = getattr(plot, f"{which}axis")
    axis.set_major_locator(RoundTicks(_DURATIONS if form is tick_duration else _NUMBERS))
    axis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))
    axis.set_minor_formatter(NullFormatter())


def tick_count(number: float) -> str:
    """A round number with its prefix: ``200k``, ``5M``."""
    return re.sub(r"\.0+(?=\D|$)", "", count(number)) if number >= 1000 else f"{number:g}"


def tick_duration(seconds: float) -> str:
    """A round time with its unit: ``30 min``, ``2 h``."""
    unit = next(
        (one for one in reversed(_TIME_UNITS) if seconds >= _TIME_UNITS[one] and not seconds % _TIME_UNITS[one]), ""
    )
    return f"{seconds / _TIME_UNITS[unit]:g} {unit}" if unit else duration(seconds)


def side_by_side(canvas: Canvas, count: int, *, sharey: bool = False) -> list[Plot]:
    """So many plots in a row."""
    return list(canvas.subplots(1, count, sharey=sharey, squeeze=False)[0])
