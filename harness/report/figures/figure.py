"""A figure of the report: drawn once by matplotlib, as SVG for page and file, and as PNG.

Parts drawn in `INK` take the page's own text colour.
"""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from harness.text import printable_lines

INK = "#010203"  # in figures inline on the page: the page's text colour
_DPI = 144
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RC_PARAMS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # class names are not formulas
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
# A class name may be in a script that the font lacks.
_EXPECTED_WARNINGS = ("Glyph .* missing", "Matplotlib currently does not support")


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        file_name: name of its files, without suffix.
        title: its subject.
        caption: instructions for reading it.
        description: the same facts in words, for readers who cannot see it.
        svg: the drawing, with `INK` in the place of the page's text colour.
        png: the drawing as a picture on white.
    """

    file_name: str
    title: str
    caption: str
    description: str
    svg: str
    png: bytes


def draw_figure(
    name: str,
    title: str,
    caption: str,
    description: str,
    draw: Callable[[Canvas], None],
    size: tuple[float, float],
) -> Figure:
    """Return a figure, drawn once for both formats; ``size`` is its width and height in inches."""
    with mpl.rc_context(cast(Any, _RC_PARAMS | {"svg.hashsalt": name})), warnings.catch_warnings():
        for message in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message)
        canvas = Canvas(figsize=size, layout="constrained")
        draw(canvas)
        for text in cast(list[Text], canvas.findobj(Text)):
            text.set_text(printable_lines(text.get_text()))
        svg, png = io.StringIO(), io.BytesIO()
        FigureCanvasSVG(canvas)
        canvas.savefig(svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        FigureCanvasAgg(canvas)
        canvas.savefig(png, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return Figure(name, title, caption, description, _svg_element(svg.getvalue()), png.getvalue())


def _svg_element(svg: str) -> str:
    """Return the ``svg`` element without unused ids, since ids must be unique on a page of drawings."""
    body = svg[svg.index("<svg") :]
    body = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", body)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    return re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", body).strip()
