"""The grid as a heat map: accuracy over depth and width, with the paths of equal cost."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes as Plot
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.tri import Triangulation

from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.grid import Cell, Grid
from harness.analysis.stats import Interval
from harness.analysis.wording import COST_WORDS, cost_text
from harness.report.figures.figure import INK, Figure, draw_figure
from harness.report.figures.style import NO_INTERVAL
from harness.text import listed

_COLOURS = ListedColormap(colormaps["YlGnBu"](np.linspace(0.05, 0.8, 256)))
_DARK_FROM = 0.55  # of the colour map: text on darker cells is white
Line = str | tuple[int, tuple[int, ...]]
_LINES: tuple[Line, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))
_MAX_TEXTS = 36  # cells with three lines of text; more have the mean alone
_MAX_MEANS = 120  # cells with a text
_MOST_INCHES = 12.0
_MOST_TICKS = 20
_TEXT_INCHES = 0.45  # narrower cells have no text


def grid_figure(evidence: Evidence, grid: Grid) -> Figure:
    """Return the heat map of a grid's accuracies."""
    means = {cell: mean for cell, model in grid.cells.items() if (mean := evidence.mean(model, "accuracy_percent"))}
    scale = Normalize(min(one.mean for one in means.values()), max(one.mean for one in means.values()))
    levels = equal_cost_levels(evidence, grid)

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        _draw_cells(plot, grid, means, scale, canvas.get_figwidth())
        keys = [
            _draw_path(plot, evidence, grid, measure, level, line)
            for line, (measure, level) in zip(_LINES, levels.items(), strict=False)
        ]
        _draw_axes(plot, grid)
        canvas.legend(handles=keys, loc="outside lower center", ncols=2)
        canvas.colorbar(ScalarMappable(scale, _COLOURS), ax=plot, label="test accuracy, %", pad=0.02)

    return draw_figure(
        f"{evidence.file_name}-grid",
        f"{evidence.title}: accuracy over depth and width",
        f"Mean over seeds with half of its 95 % interval ({NO_INTERVAL}) and n; both axes are logarithmic; empty cells "
        "are not measured. Lines: models of equal cost, interpolated between the cells.",
        _description(evidence, grid),
        draw,
        (min(max(4.8, 1.6 + 1.05 * len(grid.widths)), _MOST_INCHES), min(max(3.4, 1.6 + 0.75 * len(grid.depths)), 9.0)),
    )


def equal_cost_levels(evidence: Evidence, grid: Grid) -> dict[Measure, float]:
    """Return the cost that each path follows: the geometric middle of the cells' costs."""
    found: dict[Measure, float] = {}
    for measure in COSTS:
        costs = [mean.mean for model in grid.models if (mean := evidence.mean(model, measure)) and mean.mean > 0]
        if len(costs) == len(grid.models) and min(costs) < max(costs):
            found[measure] = float(np.sqrt(min(costs) * max(costs)))
    return found


def _edges(values: list[int] | list[float]) -> dict[float, tuple[float, float]]:
    """Return the ends of each value's cells on a logarithmic scale: halfway to its neighbours."""
    places = [float(place) for place in np.log2(values)]
    middles = [(one + other) / 2 for one, other in pairwise(places)]
    ends = [2 * places[0] - middles[0], *middles, 2 * places[-1] - middles[-1]]
    return dict(zip(values, pairwise(ends), strict=True))


def _draw_cells(plot: Plot, grid: Grid, means: dict[Cell, Interval], scale: Normalize, figure_inches: float) -> None:
    """Draw the measured cells: the darker, the more accurate."""
    heights, widths = _edges(grid.depths), _edges(grid.widths)
    patches, grounds = [], []
    inches = (figure_inches - 1.6) / sum(right - left for left, right in widths.values())
    for (depth, width), mean in means.items():
        (bottom, top), (left, right) = heights[depth], widths[width]
        shade = float(scale(mean.mean))
        ground = _COLOURS(shade)
        patches.append(Rectangle((left, bottom), right - left, top - bottom))
        grounds.append(ground)
        text = _cell_text(mean, len(means))
        if text and (right - left) * inches > _TEXT_INCHES:
            plot.text(
                (left + right) / 2, (bottom + top) / 2, text, ha="center", va="center", fontsize=8, zorder=4,
                color="white" if shade > _DARK_FROM else "black",
                bbox={"facecolor": ground, "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
            )  # fmt: skip
    plot.add_collection(PatchCollection(patches, facecolors=grounds, edgecolors="white"))


def _cell_text(mean: Interval, cells: int) -> str:
    if cells > _MAX_MEANS:
        return ""
    half = "" if mean.width is None else f"\n± {mean.width / 2:.2f}"
    return f"{mean.mean:.2f}" + (f"{half}\nn = {mean.n}" if cells <= _MAX_TEXTS else "")


def _draw_path(plot: Plot, evidence: Evidence, grid: Grid, measure: Measure, level: float, line: Line) -> Line2D:
    """Draw the models of equal cost, interpolated on logarithmic scales; return the line's key."""
    depths, widths = np.log2(np.array(list(grid.cells), dtype=float)).T
    costs = [mean.mean for model in grid.models if (mean := evidence.mean(model, measure))]
    drawn = plot.tricontour(
        Triangulation(widths, depths), np.log(costs), levels=[np.log(level)], colors="black", linestyles=[line],
        linewidths=1.6,
    )  # fmt: skip
    drawn.set_path_effects([withStroke(linewidth=3.5, foreground="white", alpha=0.7)])
    label = f"equal {COST_WORDS[measure]}, {cost_text(measure, level)}"
    return Line2D([], [], color=INK, ls=line, lw=1.6, label=label)


def _draw_axes(plot: Plot, grid: Grid) -> None:
    plot.autoscale_view()
    plot.grid(visible=False)
    widths, depths = _ticks(grid.widths), _ticks(grid.depths)
    plot.set_xticks(np.log2(widths), [f"{width:g}" for width in widths])
    plot.set_yticks(np.log2(depths), [f"{depth:g}" for depth in depths])
    plot.set_xlabel("width")
    plot.set_ylabel("depth")


def _ticks(values: Sequence[float]) -> list[float]:
    """Return the values to name on a logarithmic axis: all, or if there are many, those far enough apart."""
    kept = [values[0]]
    for value in values[1:]:
        if np.log(value / kept[-1]) >= np.log(values[-1] / values[0]) / _MOST_TICKS:
            kept.append(value)
    return kept


def _description(evidence: Evidence, grid: Grid) -> str:
    means = {model: mean.mean for model in grid.models if (mean := evidence.mean(model, "accuracy_percent"))}
    lowest, highest = min(means, key=lambda one: means[one]), max(means, key=lambda one: means[one])
    costs = listed(COST_WORDS[measure] for measure in equal_cost_levels(evidence, grid))
    paths = f" Paths of equal {costs} run from deep and narrow to shallow and wide models." if costs else ""
    return (
        f"{len(grid.depths)} depths by {len(grid.widths)} widths, {len(grid.cells)} cells: from {means[lowest]:.2f} % "
        f"({lowest}) to {means[highest]:.2f} % ({highest}).{paths}"
    )
