"""The study's section 2.1 as a figure: gradient norms by layer, without and with shortcuts."""

from collections.abc import Sequence

from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from harness.report.figures.figure import Figure, draw_figure
from harness.report.figures.style import BLUE, VERMILLION, plots_in_a_row
from harness.report.figures.ticks import tick_power
from harness.report.tables.gradients import GRADIENTS
from harness.text import listed
from harness.throughput.gradient_norms import GradientNorms
from harness.throughput.record import Recorded

_LINES = (":", "--", "-", "-.")
_LEAST = 1e-30  # drawn for a norm of 0, which has no place on a logarithmic axis


def gradient_figures(recorded: Sequence[Recorded]) -> list[Figure]:
    """Return the figure of each dataset whose gradient norms were measured."""
    norms = [one.measurement for one in recorded if isinstance(one.measurement, GradientNorms)]
    return [_figure([one for one in norms if one.dataset == name]) for name in sorted({one.dataset for one in norms})]


def _figure(norms: Sequence[GradientNorms]) -> Figure:
    norms = sorted(norms, key=lambda one: (len(one.layers), one.model))
    depths = sorted({len(one.layers) for one in norms})

    def draw(canvas: Canvas) -> None:
        start, after = plots_in_a_row(canvas, 2, sharey=True)
        for one in norms:
            line = _LINES[depths.index(len(one.layers)) % len(_LINES)]
            colour = VERMILLION if _is_plain(one) else BLUE
            for plot, values in ((start, one.at_start), (after, one.after_epoch)):
                _draw(plot, values, colour, line, one.model)
        start.set_title("at initialisation")
        after.set_title("after one epoch")
        start.set_ylabel("mean gradient norm of a layer")
        canvas.legend(handles=start.get_lines(), loc="outside right center", handlelength=3.2)

    first = norms[0]
    return draw_figure(
        f"{GRADIENTS}-{first.dataset}",
        f"Gradients by layer, {first.dataset} (the study's section 2.1)",
        "Orange: without shortcuts (plain); blue: with shortcuts (residual). The norm of the loss's gradient by a "
        f"layer's weights, the mean over batches of {first.batch_size} training images. Where a line is flat, the "
        "gradient reaches the first layers as strong as it is at the last.",
        f"First layer's norm at initialisation and after one epoch: {listed(map(_in_words, norms))}.",
        draw,
        (9.6, 3.8),
    )


def _is_plain(norms: GradientNorms) -> bool:
    return norms.model.startswith("plain")


def _draw(plot: Plot, norms: Sequence[float], colour: str, line: str, name: str) -> None:
    places = [100 * place / (len(norms) - 1) for place in range(len(norms))]
    plot.plot(places, [max(norm, _LEAST) for norm in norms], color=colour, ls=line, lw=1.4, label=name)
    plot.set_yscale("log")
    plot.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_power(value)))
    plot.set_xlabel("layer, % of the way from input to output")


def _in_words(norms: GradientNorms) -> str:
    return f"{norms.model} {norms.at_start[0]:.2g} and {norms.after_epoch[0]:.2g}"
