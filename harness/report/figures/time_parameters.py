"""The paper's figures 6 and 8: seconds per epoch against parameters, along each axis."""

from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas

from harness.analysis.axes import Axes, Axis
from harness.analysis.evidence import Evidence
from harness.report.figures.figure import Figure, draw_figure
from harness.report.figures.labels import excess_characters
from harness.report.figures.selection import comparable_published_evidence
from harness.report.figures.style import (
    BLUE,
    COLOUR_KEY,
    VERMILLION,
    Style,
    draw_key,
    draw_label,
    draw_point,
    error_bars,
    plots_in_a_row,
    styles_of,
)
from harness.report.figures.ticks import set_log_axis, tick_count

_USUAL_CHARACTERS = 11  # of a model's name
_PAPER_FIGURES = {"cifar10": 6, "fashionmnist": 6, "gtsrb": 8}


def time_parameters_figure(evidence: Evidence) -> Figure | None:
    """Return the measured epoch times against parameters, beside the published ones if comparable."""
    if evidence.axes is None or not evidence.has_comparable_times:
        return None
    published = comparable_published_evidence(evidence)

    def draw(canvas: Canvas) -> None:
        plots = plots_in_a_row(canvas, 2 if published is not None else 1)
        for plot, one in zip(plots, [evidence, published], strict=False):
            assert one is not None
            _draw_times(plot, one, styles_of(evidence))
            plot.set_ylabel("seconds per epoch")
        on_axes = [style for style in styles_of(evidence).values() if style.kind != "other"]
        draw_key(canvas, on_axes)
        if published is not None:
            plots[0].set_title("measured")
            plots[1].set_title("as published, on another device")

    means = {model: evidence.mean(model, "epoch_seconds") for model in evidence.models}
    said = ", ".join(f"{model} {mean.mean:.3g} s" for model, mean in means.items() if mean is not None)
    if not said:
        return None
    number = _PAPER_FIGURES.get(evidence.dataset) if published is not None else None
    return draw_figure(
        f"{evidence.file_name}-time-parameters",
        f"{evidence.title}: epoch time against parameters" + (f" (the paper's figure {number})" if number else ""),
        f"Both axes are logarithmic: a straight line is a power law. {COLOUR_KEY}",
        f"Seconds per epoch by model: {said}.",
        draw,
        (9.6 if published is not None else 5.4, 3.7),
    )


def _draw_times(plot: Plot, evidence: Evidence, styles: dict[str, Style]) -> None:
    axes = evidence.axes
    assert axes is not None
    _draw_axis(plot, evidence, axes, "depth", BLUE, "-")
    _draw_axis(plot, evidence, axes, "width", VERMILLION, "--")
    for model in axes.along("depth") + axes.along("width")[1:]:
        mean = evidence.mean(model, "epoch_seconds")
        if mean is not None and model in styles:
            params = _params(evidence, model)
            draw_point(plot, params, mean.mean, styles[model], yerr=error_bars(mean))
            draw_label(plot, params, mean.mean, model, styles[model])
    plot.set_xlabel("parameters")
    plot.margins(x=0.24 + 0.03 * excess_characters(evidence.models, _USUAL_CHARACTERS), y=0.12)
    set_log_axis(plot, "x", tick_count)
    set_log_axis(plot, "y", lambda value: f"{value:g}")


def _draw_axis(plot: Plot, evidence: Evidence, axes: Axes, axis: Axis, colour: str, line: str) -> None:
    """Draw the line through an axis's models."""
    means = [(model, evidence.mean(model, "epoch_seconds")) for model in axes.along(axis)]
    found = [(_params(evidence, model), mean.mean) for model, mean in means if mean is not None]
    plot.plot([params for params, _ in found], [seconds for _, seconds in found], color=colour, ls=line, lw=1.2)


def _params(evidence: Evidence, model: str) -> float:
    return next(iter(evidence.values(model, "params").values()))
