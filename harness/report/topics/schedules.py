"""The section on schedules: each one's answer, and wider against deeper at equal time over all."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure as Canvas

from harness.analysis.answer import Answer
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.related import of_equal_networks, related_studies
from harness.analysis.schedules import Candidate, EqualTime, Schedules, compare_schedules
from harness.analysis.wording import COST_WORDS, cost_text, difference_text
from harness.report.figures.figure import Figure, draw_figure
from harness.report.figures.style import DEEPER, WIDER, draw_key, draw_point, styles_of
from harness.report.figures.ticks import set_log_axis, tick_count, tick_duration
from harness.report.section import Section
from harness.report.tables.columns import (
    INTERVAL,
    SEED_COUNT,
    WIDER_MINUS_DEEPER,
    interval_values,
    non_empty,
    p_cell,
    times_notes,
)
from harness.report.tables.other_code import code_stamp
from harness.report.tables.related import related_answers_table, sentences_on_related
from harness.report.tables.table import Column, Table
from harness.text import count_noun, listed, p_value

_COSTS = {**COST_WORDS, "macs": "MACs of an image in all epochs"}
Study = tuple[Evidence, Comparisons, Answer]


def schedule_sections(studies: Sequence[Study]) -> list[Section]:
    """Return a section for each group of studies that differ in the number of epochs alone."""
    groups = related_studies([evidence for evidence, *_ in studies], "epochs")
    return [_section({int(epochs): studies[place] for epochs, place in group.items()}) for group in groups]


def _section(group: Mapping[int, Study]) -> Section:
    longest = group[max(group)][0]
    evidence, others = of_equal_networks({epochs: one for epochs, (one, *_) in group.items()})
    found = compare_schedules(evidence, min(comparisons.alpha for _, comparisons, _ in group.values()))
    name, title = f"{longest.file_name}-schedules", f"{longest.title}: schedules of {listed(map(str, group))} epochs"
    names = {epochs: count_noun(epochs, "epoch") for epochs in group}
    answers = {names[epochs]: (one, answer.verdicts) for epochs, (one, _, answer) in group.items()}
    note = "a model whose accuracy still rises has no part in its study's verdict"
    tables = [related_answers_table(name, f"{title}, the answer of each", "schedule", answers, note)]
    sentences = sentences_on_related(answers, {names[epochs]: models for epochs, models in others.items()})
    figures = []
    if found is not None:
        figures = [_figure(f"{name}-accuracy", title, longest, found)]
        tables.append(_equal_time_table(f"{name}-equal-time", title, found))
        sentences = [*_sentences(found), *sentences]
    section = Section(title, figures, [one for one in tables if one is not None], sentences)
    return section.stamped(code_stamp({one.title: one.used_results for one, *_ in group.values()}))


def _sentences(found: Schedules) -> list[str]:
    if not found.verdicts:
        return [f"No {_COSTS[found.cost]} of a schedule allows a wider and a deeper model: nothing to compare there."]
    return [_sentence(found.cost, one) for one in found.verdicts]


def _sentence(cost: str, one: EqualTime) -> str:
    """Return the verdict within one budget."""
    within = f"Within the {_COSTS[cost]} of {count_noun(one.epochs, 'epoch')} ({cost_text(cost, one.cost)})"
    if one.wide.name == one.deep.name:
        return f"{within}: {one.wide.name} is the best of both axes."
    difference = f"{one.wide.name} against {one.deep.name}: {difference_text(one.interval)}"
    p = f", {p_value(one.p_value)}" if one.p_value is not None else ""
    if one.take is None:
        return f"{within}: {one.outcome}; {difference}{p}."
    return f"{within} go {one.outcome}: take {one.take.name}; {difference}{p}."


def _equal_time_table(file_name: str, title: str, found: Schedules) -> Table | None:
    """Return the verdict of each budget; None without any."""
    if not found.verdicts:
        return None
    rows = [_values(one) for one in found.verdicts]
    columns = [
        Column("the budget of", "epochs", lambda row: count_noun(row["epochs"], "epoch")),
        Column(_COSTS[found.cost], "cost_value", lambda row: cost_text(found.cost, row["cost_value"])),
        Column("best wide", "wide", lambda row: f"{row['wide']}, {row['wide_epochs']} epochs", is_words=True),
        Column("best deep", "deep", lambda row: f"{row['deep']}, {row['deep_epochs']} epochs", is_words=True),
        Column("verdict", "verdict", is_words=True),
        WIDER_MINUS_DEEPER,
        INTERVAL,
        Column("p (Holm)", "p_holm", p_cell("p_holm")),
        SEED_COUNT,
    ]
    notes = (
        "at the dearest cost of a schedule that both axes reach, each axis has its most accurate model and schedule "
        "within it, the base model among them, trained out or not; left out if that allows no wider or no deeper one. "
        "The difference is that of the two best means; its interval and p allow for their choice on the same seeds "
        "(intersection-union over the other axis, Bonferroni over the own one), and for the number of budgets",
        *times_notes(found.merged),
    )
    return Table(file_name, f"{title}, at equal {_COSTS[found.cost]}", non_empty(columns, rows), tuple(rows), notes)


def _values(one: EqualTime) -> dict[str, Any]:
    return {
        "epochs": one.epochs,
        "cost_value": one.cost,
        "wide": one.wide.model,
        "wide_epochs": one.wide.epochs,
        "deep": one.deep.model,
        "deep_epochs": one.deep.epochs,
        "verdict": one.outcome,
        **interval_values("difference_points", one.interval),
        "p_value": one.p_alone,
        "p_holm": one.p_value,
        "seeds": one.interval.n,
    }


def _figure(file_name: str, title: str, longest: Evidence, found: Schedules) -> Figure:
    """Return accuracy against cost: each model's line through its schedules, and each axis' best."""
    styles = styles_of(longest)
    of_model: dict[str, list[Candidate]] = {}
    for one in dict.fromkeys((*found.deep, *found.wide)):
        of_model.setdefault(one.model, []).append(one)

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        for model, candidates in of_model.items():
            path = sorted(candidates, key=lambda one: one.epochs)
            style = styles[model]
            plot.plot([one.cost for one in path], [one.accuracy_percent for one in path], color=style.colour, lw=0.8)
            for one in path:
                draw_point(plot, one.cost, one.accuracy_percent, style)
            plot.annotate(model, (path[-1].cost, path[-1].accuracy_percent), xytext=(5, 4),
                          textcoords="offset points", fontsize=9)  # fmt: skip
        end = max(one.cost for one in (*found.wide, *found.deep))
        for side, style in ((found.deep, DEEPER), (found.wide, WIDER)):
            steps = [*_front(side), (end, max(one.accuracy_percent for one in side))]
            plot.step(*zip(*steps, strict=True), where="post", color=style.colour, lw=4, alpha=0.25, zorder=1)
        set_log_axis(plot, "x", tick_duration if found.cost == "total_seconds" else tick_count)
        plot.margins(x=0.12)
        plot.set_xlabel(_COSTS[found.cost])
        plot.set_ylabel("test accuracy, %")
        draw_key(canvas, [styles[model] for model in of_model])

    said = "; ".join(f"{one.name} {one.accuracy_percent:.2f} %" for path in of_model.values() for one in path)
    caption = (
        "Each point is a complete training; a line joins the schedules of one model. Broad steps: the best model and "
        "schedule of each axis up to a cost. Means over seeds."
    )
    return draw_figure(file_name, f"{title}: accuracy against cost", caption, f"{said}.", draw, (7.2, 4.4))


def _front(side: Sequence[Candidate]) -> list[tuple[float, float]]:
    """Return the points at which the best accuracy of an axis rises with the cost."""
    best: list[tuple[float, float]] = []
    for one in sorted(side, key=lambda one: one.cost):
        if not best or one.accuracy_percent > best[-1][1]:
            best.append((one.cost, one.accuracy_percent))
    return best
