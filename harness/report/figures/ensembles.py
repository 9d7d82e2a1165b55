"""Accuracy of ensembles of seeds against their cost, beside single networks."""

from collections.abc import Sequence

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, NullFormatter

from harness.analysis.ensembles import Ensembles
from harness.analysis.evidence import Evidence
from harness.report.figures.figure import Figure, draw_figure
from harness.report.figures.style import COLOUR_KEY, draw_label, draw_point, styles_of
from harness.text import count


def ensembles_figure(evidence: Evidence, found: Sequence[Ensembles]) -> Figure | None:
    """Return each model's accuracy alone and in ensembles, by MACs; None if no model has two seeds."""
    if not any(len(one.sizes) > 1 for one in found):
        return None
    styles, curves = styles_of(evidence), [(one, _curve(evidence, one)) for one in found]

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        for one, points in curves:
            style = styles[one.model.model]
            plot.plot(*zip(*points, strict=True), color=style.colour, lw=1, ls=":")
            for place, (cost, accuracy) in enumerate(points):
                draw_point(plot, cost, accuracy, style, is_hollow=place > 0)
            draw_label(plot, *points[0], one.model.model, style)
        plot.set_xscale("log")
        plot.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: count(cost)))
        plot.xaxis.set_minor_formatter(NullFormatter())
        plot.set_xlabel("multiply-accumulates of all networks, logarithmic")
        plot.set_ylabel("test accuracy, %")

    words = [
        f"{one.model.model} {', '.join(f'{size}: {points[size - 1][1]:.2f} %' for size in one.sizes)}"
        for one, points in curves
    ]
    return draw_figure(
        f"{evidence.file_name}-predictions-ensembles",
        f"{evidence.title}: ensembles of seeds",
        "Filled: one network, mean over seeds; hollow: ensembles of 2, 3, … of its seeds at their summed cost, mean "
        f"over all ensembles of that size. {COLOUR_KEY}",
        "Accuracy by the number of networks: " + "; ".join(words) + ".",
        draw,
        (7.5, 4.2),
    )


def _curve(evidence: Evidence, one: Ensembles) -> list[tuple[float, float]]:
    mean = evidence.mean(one.model.model, "macs")
    cost = 1.0 if mean is None else mean.mean
    return [(size * cost, one.accuracy_percent(size)) for size in one.sizes]
