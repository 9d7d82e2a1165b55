"""The section on shares of the training images: each size's answer, and the trend over sizes."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure as Canvas

from harness.analysis.answer import Answer
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.related import of_equal_networks, related_studies
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
from harness.report.tables.other_code import code_stamp
from harness.report.tables.related import related_answers_table, sentences_on_related
from harness.report.tables.table import Column, Table
from harness.text import listed, p_value

Study = tuple[Evidence, Comparisons, Answer]


def size_sections(studies: Sequence[Study]) -> list[Section]:
    """Return a section for each group of studies that differ in the share of the training images alone."""
    groups = related_studies([evidence for evidence, *_ in studies], "train_fraction")
    return [_section({share: studies[place] for share, place in group.items()}) for group in groups]


def _section(group: Mapping[float, Study]) -> Section:
    evidence, others = of_equal_networks({share: one for share, (one, *_) in group.items()})
    largest = group[max(group)][0]
    name = f"{largest.file_name}-training-sizes"
    title = f"{largest.title}: trained on {listed(f'{one.train_images:,}' for one in evidence.values())} images"
    names = {share: f"{one.train_images:,} ({100 * share:.12g} %)" for share, one in evidence.items()}
    answers = {names[share]: (one, answer.verdicts) for share, (one, _, answer) in group.items()}
    note = "every size is trained for the same number of epochs, so a smaller one has fewer steps"
    tables = [related_answers_table(name, f"{title}, the answer of each", "training images", answers, note)]
    trend = size_trend({share: comparisons for share, (_, comparisons, _) in group.items()})
    if trend is not None:
        tables.append(_trend_table(f"{name}-trend", title, trend, evidence))
    section = Section(
        title,
        [_figure(f"{name}-accuracy", title, evidence)],
        [one for one in tables if one is not None],
        [
            _trend_sentence(trend, names),
            *sentences_on_related(answers, {names[share]: models for share, models in others.items()}),
        ],
    )
    return section.stamped(code_stamp({one.title: one.used_results for one, *_ in group.values()}))


def _trend_sentence(trend: SizeTrend | None, names: Mapping[float, str]) -> str:
    """Return the trend, and the sizes without a part in it, by their names."""
    if trend is None:
        return "No wider model and its deeper counterpart are trained out at two sizes or more: no trend."
    left_out = [name for share, name in names.items() if share not in trend.at_share]
    why = f" Without {listed(left_out)} images, where one of both is not trained out or missing." if left_out else ""
    return f"{trend_text(trend)}.{why}"


def _trend_table(file_name: str, title: str, trend: SizeTrend, studies: Mapping[float, Evidence]) -> Table:
    rows = [
        {"train_images": trend.images[share], "study": studies[share].title, **difference_values(one)}
        for share, one in trend.at_share.items()
    ]
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


def _figure(file_name: str, title: str, group: Mapping[float, Evidence]) -> Figure:
    """Return accuracy against training images for the base, the deepest and the widest model."""
    largest = group[max(group)]
    points = {
        model: [(one.train_images, mean) for one in group.values() if (mean := one.mean(model, "accuracy_percent"))]
        for model in _ends(largest)
    }
    styles = styles_of(largest)

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        for model, means in points.items():
            style, sizes = styles[model], [size for size, _ in means]
            plot.plot(sizes, [mean.mean for _, mean in means], color=style.colour, ls=style.line, lw=1.2)
            for size, mean in means:
                draw_point(plot, size, mean.mean, style, yerr=error_bars(mean))
        set_log_axis(plot, "x", tick_count)
        plot.set_xlabel("training images")
        plot.set_ylabel("test accuracy, %")
        handles = [mark_handle(styles[model], model) for model in points]
        canvas.legend(handles=handles, loc="outside lower center", ncols=3)

    said = "; ".join(
        f"{model} {', '.join(f'{mean.mean:.2f} % of {size:,}' for size, mean in means)}"
        for model, means in points.items()
    )
    caption = f"{COLOUR_KEY} Means over seeds with their 95 % t intervals; {NO_INTERVAL}."
    return draw_figure(file_name, f"{title}: accuracy against size", caption, f"By images: {said}.", draw, (6.4, 4.2))


def _ends(evidence: Evidence) -> list[str]:
    """Return the base, the deepest and the widest model; all models without axes."""
    axes = evidence.axes
    return evidence.models if axes is None else [axes.base, *axes.depth[-1:], *axes.width[-1:]]
