"""Accuracy against each cost, of training and of use, with the Pareto fronts."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from harness.analysis.evidence import TIMES_OF_USE, Evidence, Measure
from harness.analysis.pareto import models_on_front, pareto_points
from harness.analysis.wording import COST_WORDS
from harness.report.figures.cost_axes import COST_AXES
from harness.report.figures.figure import INK, Figure, draw_figure
from harness.report.figures.labels import Anchor, NamedPoint, place_labels
from harness.report.figures.selection import comparable_published_evidence, drawn_models, named_models
from harness.report.figures.style import (
    COLOUR_KEY,
    NO_INTERVAL,
    Style,
    draw_key,
    draw_point,
    error_bars,
    mark_handle,
    plots_in_a_row,
    styles_of,
)
from harness.report.figures.ticks import set_log_axis
from harness.report.truncation import MAX_CURVES

_HEIGHT = 250.0  # of a plot, in the pixels of `place_labels`
_POINTS_PER_PIXEL = 9 / 12.5  # of the text
_ALIGNMENT: dict[Anchor, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}


def accuracy_cost_figure(evidence: Evidence) -> Figure | None:
    """Return a plot per cost but those of use: each model's accuracy at its cost, and the Pareto front."""
    published = comparable_published_evidence(evidence)
    return _figure(evidence, "accuracy-cost", "accuracy against cost", ("params", "macs", "total_seconds"), published)


def accuracy_use_figure(evidence: Evidence) -> Figure | None:
    """Return the same against latency and throughput, which the paper does not report."""
    return _figure(evidence, "use-accuracy", "accuracy against the cost of use", TIMES_OF_USE, None)


def _figure(
    evidence: Evidence, name: str, subject: str, costs: Sequence[Measure], published: Evidence | None
) -> Figure | None:
    measures = [one for one in costs if pareto_points(evidence, one)]
    if not measures:
        return None
    styles = styles_of(evidence)

    def draw(canvas: Canvas) -> None:
        plots = plots_in_a_row(canvas, len(measures), sharey=True)
        for plot, measure in zip(plots, measures, strict=True):
            if published is not None and measure != "total_seconds":  # measured on another device
                _draw_models(plot, published, measure, styles, is_published=True)
            _draw_models(plot, evidence, measure, styles, is_published=False)
            _draw_front(plot, evidence, measure)
            words, form = COST_AXES[measure]
            plot.set_xlabel(words)
            plot.margins(x=0.16, y=0.16)
            set_log_axis(plot, "x", form)
        plots[0].set_ylabel("test accuracy, %")
        as_published = [mark_handle(styles[evidence.models[0]], "as published", is_hollow=True)]
        front = Line2D([], [], color=INK, lw=0.8, ls=":", label="Pareto front")
        draw_key(canvas, styles.values(), front, *(as_published if published is not None else []))
        bottom, top = plots[0].get_ylim()
        plots[0].set_ylim(max(0.0, bottom), min(100.0, top))  # intervals may reach beyond
        for plot, measure in zip(plots, measures, strict=True):
            _draw_names(plot, evidence, measure, styles)

    return draw_figure(
        f"{evidence.file_name}-{name}",
        f"{evidence.title}: {subject}",
        _caption(evidence, published),
        _description(evidence, measures),
        draw,
        (max(4.8, 3.4 * len(measures)), 3.7),
    )


def _draw_models(
    plot: Plot, evidence: Evidence, measure: Measure, styles: dict[str, Style], *, is_published: bool
) -> None:
    """Draw each model's accuracy at its cost; published ones hollow and without names."""
    drawn = drawn_models(evidence)
    for model in evidence.models:
        cost, accuracy = evidence.mean(model, measure), evidence.mean(model, "accuracy_percent")
        if cost is None or accuracy is None or model not in styles:
            continue
        bars, size = error_bars(accuracy), 7 if model in drawn else 4
        draw_point(plot, _drawn(cost.mean), accuracy.mean, styles[model], yerr=bars, is_hollow=is_published, size=size)


def _drawn(cost: float) -> float:
    """Return a cost without rounding noise: an axis from 0.001 to 0.001 + 2e-19 has no room for margins."""
    return float(f"{cost:.9g}")


def _draw_names(plot: Plot, evidence: Evidence, measure: Measure, styles: dict[str, Style]) -> None:
    """Draw models' names beside their points, those that have room; the limits of the plot are final."""
    to_plot = plot.transData + plot.transAxes.inverted()
    found: dict[bool, list[NamedPoint]] = {True: [], False: []}
    means = {point.model: (point.cost, point.accuracy_percent) for point in pareto_points(evidence, measure)}
    named = named_models(evidence)
    for model, mean in means.items():
        x, y = to_plot.transform(mean)
        found[model in named].append(NamedPoint(model, x, (1 - y) * _HEIGHT, styles[model].kind == "depth"))
    for model, place in place_labels(found[True], found[False], _HEIGHT).items():
        offset = (_POINTS_PER_PIXEL * place.dx, -_POINTS_PER_PIXEL * place.dy)
        plot.annotate(model, means[model], offset, textcoords="offset points", fontsize=9, ha=_ALIGNMENT[place.anchor])


def _draw_front(plot: Plot, evidence: Evidence, measure: Measure) -> None:
    front = models_on_front(evidence, measure)
    costs, accuracies = [_drawn(one.cost) for one in front], [one.accuracy_percent for one in front]
    plot.step(costs, accuracies, where="post", color=INK, lw=0.8, ls=":")


def _caption(evidence: Evidence, published: Evidence | None) -> str:
    colours = "" if evidence.axes is None else f" {COLOUR_KEY}"
    caption = f"Mean over seeds with its 95 % interval ({NO_INTERVAL}).{colours} Dotted: the Pareto front."
    if len(evidence.models) > MAX_CURVES:
        caption += f" Of {len(evidence.models)} models the ends of the axes and the most accurate are named."
    return caption + (" Hollow: as published." if published is not None else "")


def _description(evidence: Evidence, measures: Sequence[Measure]) -> str:
    means = [(model, evidence.mean(model, "accuracy_percent")) for model in evidence.models]
    accuracies = ", ".join(f"{model} {mean.mean:.2f} %" for model, mean in means if mean is not None)
    fronts = "; ".join(f"{COST_WORDS[one]}: {', '.join(_names_on_front(evidence, one))}" for one in measures)
    return f"Test accuracy by model: {accuracies}. On the Pareto front by {fronts}."


def _names_on_front(evidence: Evidence, measure: Measure) -> list[str]:
    return [one.model for one in models_on_front(evidence, measure)]
