"""The section on shares of the training images: each size's answer, and the trend over sizes."""

from collections.abc import Sequence

from matplotlib.figure import Figure as Canvas

from harness.analysis.answer import Question
from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.related import related_studies
from harness.analysis.training_sizes import SizeTrend, size_trend
from harness.analysis.wording import difference_text, trend_text
from harness.report.figures.figure import Figure, draw_figure
from harness.report.figures.style import COLOUR_KEY, NO_INTERVAL, draw_point, error_bars, mark_handle, styles_of
from harness.report.figures.ticks import set_log_axis, tick_count
from harness.report.section import Section
from harness.report.tables.columns import (
    INTERVAL,
    P_HOLM,
    SEED_COUNT,
    WIDER_MINUS_DEEPER,
    difference_values,
    model_column,
)
from harness.report.tables.related import related_answers_table
from harness.report.tables.table import Column, Table
from harness.text import listed, p_value

Study = tuple[Evidence, Comparisons, Question]


def size_sections(studies: Sequence[Study]) -> list[Section]:
    """Return a section for each group of studies that differ in the share of the training images alone."""
    groups = related_studies([evidence for evidence, *_ in studies], "train_fraction")
    return [_section([studies[place] for place in group.values()]) for group in groups]


def _section(group: Sequence[Study]) -> Section:
    by_size = {evidence.train_images: comparisons for evidence, comparisons, _ in group}
    largest = group[-1][0]
    name = f"{largest.file_name}-training-sizes"
    title = f"{largest.title}: trained on {listed(f'{size:,}' for size in by_size)} images"
    verdicts = {
        f"{evidence.train_images:,}": verdicts_of(comparisons, question.margin)
        for evidence, comparisons, question in group
    }
    note = "every size is trained for the same number of epochs, so a smaller one has fewer steps"
    tables = [related_answers_table(name, f"{title}, the answer of each", "training images", verdicts, note)]
    trend = size_trend(by_size)
    if trend is None:
        sentence = "No wider model and its deeper counterpart are trained out at two sizes or more: no trend."
    else:
        left_out = [f"{size:,}" for size in by_size if size not in trend.at_size]
        why = f" Without {listed(left_out)} images, at which one of both is not trained out." if left_out else ""
        sentence = f"{trend_text(trend)}.{why}"
        tables.append(_trend_table(f"{name}-trend", title, trend))
    return Section(title, [_figure(f"{name}-accuracy", title, [one for one, *_ in group])], tables, [sentence])


def _trend_table(file_name: str, title: str, trend: SizeTrend) -> Table:
    rows = [{"train_images": size, **difference_values(one)} for size, one in trend.at_size.items()]
    columns = (
        Column("training images", "train_images", "{:,}"),
        model_column("wider", "model"),
        model_column("deeper", "other"),
        WIDER_MINUS_DEEPER,
        INTERVAL,
        P_HOLM,
        SEED_COUNT,
    )
    notes = (
        "the largest counterparts that are trained out at the most sizes; p and interval are those of their own study. "
        "Trend: each seed's least-squares line of the difference on log2 of the images, then the t test over seeds "
        f"of its slope: {difference_text(trend.slope)} by doubling"
        + (f", {p_value(trend.p_value)}" if trend.p_value is not None else ""),
    )
    return Table(file_name, f"{title}, wider minus deeper", columns, tuple(rows), notes)


def _figure(file_name: str, title: str, group: Sequence[Evidence]) -> Figure:
    """Return accuracy against training images for the base, the deepest and the widest model."""
    largest, points = group[-1], {}
    for model in _ends(largest):
        means = {one.train_images: one.mean(model, "accuracy_percent") for one in group}
        points[model] = {size: mean for size, mean in means.items() if mean is not None}
    styles = styles_of(largest)

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        for model, means in points.items():
            style, accuracies = styles[model], [mean.mean for mean in means.values()]
            plot.plot(list(means), accuracies, color=style.colour, ls=style.line, lw=1.2)
            for size, mean in means.items():
                draw_point(plot, size, mean.mean, style, yerr=error_bars(mean))
        set_log_axis(plot, "x", tick_count)
        plot.set_xlabel("training images")
        plot.set_ylabel("test accuracy, %")
        handles = [mark_handle(styles[model], model) for model in points]
        canvas.legend(handles=handles, loc="outside lower center", ncols=3)

    said = "; ".join(
        f"{model} {', '.join(f'{mean.mean:.2f} % of {size:,}' for size, mean in means.items())}"
        for model, means in points.items()
    )
    caption = f"{COLOUR_KEY} Means over seeds with their 95 % t intervals; {NO_INTERVAL}."
    return draw_figure(file_name, f"{title}: accuracy against size", caption, f"By images: {said}.", draw, (6.4, 4.2))


def _ends(evidence: Evidence) -> list[str]:
    """Return the base, the deepest and the widest model; all models without axes."""
    axes = evidence.axes
    return evidence.models if axes is None else [axes.base, *axes.depth[-1:], *axes.width[-1:]]
