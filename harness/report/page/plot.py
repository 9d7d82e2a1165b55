"""The figure of a study's card: accuracy against a cost, of any width, with points that are links."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.stats import Interval
from harness.analysis.wording import COST_WORDS, cost_noun_text, ends_text
from harness.report.figures.cost_axes import COST_AXES
from harness.report.figures.labels import NamedPoint, Place, place_labels
from harness.report.figures.selection import named_models
from harness.report.figures.style import other_words, styles_of
from harness.report.figures.ticks import round_ticks
from harness.report.page.content import StudyPage
from harness.report.page.marks import kind_of_style, mark_icon, mark_shape
from harness.report.page.tables import RowIds
from harness.text import count_noun, signed

_HEIGHT = 270  # pixels; the width is the window's, so places along it are in percent
_ROOM_X, _ROOM_Y = 0.09, 0.10  # around the points, as shares of their span
_LEAST_BETWEEN_TICKS = 0.18  # of the width: numbers stay apart in a narrow window
_HINT = ("Point at a mark, or press Tab, for its figures;", "follow it to the row with its runs.")


@dataclass(frozen=True)
class Point:
    """A model in the drawing.

    Attributes:
        kind: its colour and mark.
        x: its place from 0 (left) to 1.
        y: its place in pixels from the top.
        bar: the ends of its interval, in pixels; None without an interval.
        lines: its figures in words, in two lines.
    """

    model: str
    kind: str
    x: float
    y: float
    bar: tuple[float, float] | None
    lines: tuple[str, str]


@dataclass(frozen=True)
class Scales:
    """The limits of both axes, and the places of costs (from 0 to 1) and accuracies (in pixels)."""

    costs: tuple[float, float]
    accuracies: tuple[float, float]

    def x(self, cost: float) -> float:
        low, high = map(math.log, self.costs)
        return (math.log(cost) - low) / (high - low)

    def y(self, accuracy_percent: float) -> float:
        low, high = self.accuracies
        return _HEIGHT * (high - accuracy_percent) / (high - low)


def plot_views(study: StudyPage, ids: RowIds) -> list[dict[str, Any]]:
    """Return a drawing for each cost that the study's models have, as the template shows them."""
    evidence = study.evidence
    plots = []
    for measure in COSTS:
        means = _means(evidence, measure)
        if means:
            drawing = _drawing(study, measure, means, ids)
            plots.append({"measure": measure, "words": COST_WORDS[measure], "drawing": drawing})
    return plots


def plot_key(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the kinds of points in a study's drawings, with their marks."""
    kinds = dict.fromkeys(kind_of_style(style) for style in styles_of(evidence).values())
    words = {"base": "base", "deep": "deeper", "wide": "wider", "other": other_words(evidence)}
    return [{"kind": kind, "icon": mark_icon(kind), "word": words[kind]} for kind in words if kind in kinds]


def _means(evidence: Evidence, measure: Measure) -> dict[str, tuple[float, Interval]]:
    """Return each model's mean cost and its accuracy, if both are known."""
    found = {}
    for model in evidence.models:
        cost, accuracy = evidence.mean(model, measure), evidence.mean(model, "accuracy_percent")
        if cost is not None and accuracy is not None and cost.mean > 0:
            found[model] = (cost.mean, accuracy)
    return found


def _scales(means: Mapping[str, tuple[float, Interval]]) -> Scales:
    costs = [math.log(cost) for cost, _ in means.values()]
    span = max(costs) - min(costs) or 1.0
    ends = [end for _, one in means.values() for end in (one.low, one.mean, one.high) if end is not None]
    low, high = max(0.0, min(ends)), min(100.0, max(ends))  # an interval may reach beyond 100 %
    room = _ROOM_Y * (high - low) or 0.5
    return Scales(
        (math.exp(min(costs) - _ROOM_X * span), math.exp(max(costs) + _ROOM_X * span)),
        (max(0.0, low - room), high + room),
    )


def _drawing(
    study: StudyPage, measure: Measure, means: Mapping[str, tuple[float, Interval]], ids: RowIds
) -> Markup:  # fmt: skip
    evidence, scales = study.evidence, _scales(means)
    points = {model: _point(study, measure, model, *of_model, scales) for model, of_model in means.items()}
    places = _label_places(evidence, points)
    targets = {model: ids.models.get((str(evidence.mode), evidence.title, model), "") for model in points}
    marks = [_point_markup(one, places.get(one.model), targets[one.model]) for one in points.values()]
    title = f"{evidence.title}: accuracy against {COST_WORDS[measure]}, {count_noun(len(points), 'model')}"
    return Markup(
        '<svg class="plot" width="100%" height="{}" overflow="visible" role="group" aria-label="{}">{}{}{}{}'
        '<text class="hint" x="-44" y="-30">{}</text><text class="hint" x="-44" y="-14">{}</text></svg>'
    ).format(
        _HEIGHT,
        title,
        _axes_markup(scales, measure),
        _budget_markup(study, measure, scales),
        _lines_markup(evidence, points),
        Markup("").join(marks),
        *_HINT,
    )


def _point(study: StudyPage, measure: Measure, model: str, cost: float, accuracy: Interval, scales: Scales) -> Point:
    untrained = any(one.model == model for one in study.comparisons.untrained)
    low, high = accuracy.low, accuracy.high
    of_image = " of an image" if measure in ("macs", "latency_seconds") else ""
    second = f"{cost_noun_text(measure, cost)}{of_image}, n = {accuracy.n}{', not trained out' * untrained}"
    return Point(
        model,
        kind_of_style(styles_of(study.evidence)[model]),
        scales.x(cost),
        scales.y(accuracy.mean),
        None if low is None or high is None else (scales.y(min(high, 100.0)), scales.y(max(low, 0.0))),
        (f"{model}: {accuracy.mean:.2f} % {ends_text(accuracy, 2)}".rstrip(), second),
    )


def _label_places(evidence: Evidence, points: Mapping[str, Point]) -> dict[str, Place]:
    chosen = set(named_models(evidence))
    named = {one: NamedPoint(one.model, one.x, one.y, one.kind == "deep") for one in points.values()}
    with_names = [of for one, of in named.items() if one.model in chosen]
    return place_labels(with_names, [of for one, of in named.items() if one.model not in chosen], _HEIGHT)


def _point_markup(point: Point, place: Place | None, target: str) -> Markup:
    """Return a point as a link to its model's row, with the text that appears when it is pointed at."""
    label = Markup("")
    if place is not None:
        label = Markup('<text class="name" text-anchor="{}" x="{}" y="{}">{}</text>').format(
            place.anchor, place.dx, place.dy, point.model
        )
    bar = Markup("")
    if point.bar is not None:
        top, bottom = (end - point.y for end in point.bar)
        bar = Markup('<path class="interval" d="M0 {:.1f}V{:.1f}"/>').format(top, bottom)
    return Markup(
        '<g class="point {}"><svg x="{:.2f}%" y="{:.1f}" overflow="visible"><a href="#{}" aria-label="{}">'
        '<circle class="target" r="13"/>{}{}{}</a></svg>'
        '<text class="tip" x="-44" y="-30">{}</text><text class="tip" x="-44" y="-14">{}</text></g>'
    ).format(
        point.kind,
        100 * point.x,
        point.y,
        target,
        ", ".join(point.lines),
        bar,
        mark_shape(point.kind),
        label,
        *point.lines,
    )


def _axes_markup(scales: Scales, measure: Measure) -> Markup:
    """Return the grid with its numbers, and the words on the cost's axis."""
    words, form = COST_AXES[measure]
    parts, last = [], -1.0
    for cost in round_ticks(form).tick_values(*scales.costs):
        if scales.x(cost) < last + _LEAST_BETWEEN_TICKS:
            continue
        last = scales.x(cost)
        parts.append(
            Markup(
                '<line class="grid" x1="{0:.2f}%" x2="{0:.2f}%" y1="0" y2="{1}"/>'
                '<text class="tick" text-anchor="middle" x="{0:.2f}%" y="{2}">{3}</text>'
            ).format(100 * scales.x(cost), _HEIGHT, _HEIGHT + 18, form(cost))
        )
    low, high = scales.accuracies
    for accuracy in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high):
        if low <= accuracy <= high:
            parts.append(
                Markup(
                    '<line class="grid" x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>'
                    '<text class="tick" text-anchor="end" x="-6" y="{1:.1f}">{2:g}</text>'
                ).format(scales.y(accuracy), scales.y(accuracy) + 4, round(accuracy, 6))
            )
    label = '<text class="tick" text-anchor="end" x="100%" y="{}">{}, logarithmic</text>'
    parts.append(Markup(label).format(_HEIGHT + 38, words))
    return Markup("").join(parts)


def _budget_markup(study: StudyPage, measure: Measure, scales: Scales) -> Markup:
    """Return a line at the budget's cost with the difference there; nothing without a verdict."""
    for verdict in study.answer.verdicts:
        if verdict.budget == measure:
            x = scales.x(verdict.cost)
            text = f"{signed(verdict.interval.mean, 2)} pp"
            return Markup(
                '<line class="budget" x1="{0:.2f}%" x2="{0:.2f}%" y1="0" y2="{1}"/>'
                '<text class="tick" text-anchor="{2}" x="{0:.2f}%" dx="{3}" y="{4}">{5}</text>'
            ).format(100 * x, _HEIGHT, "end" if x > 0.5 else "start", -6 if x > 0.5 else 6, _HEIGHT - 6, text)
    return Markup("")


def _lines_markup(evidence: Evidence, points: Mapping[str, Point]) -> Markup:
    """Return the line along each axis, from the base model on."""
    axes = evidence.axes
    if axes is None:
        return Markup("")
    lines: Sequence[tuple[str, Sequence[str]]] = (("deep", axes.along("depth")), ("wide", axes.along("width")))
    parts = []
    for kind, models in lines:
        known = [points[model] for model in models if model in points]
        for one, other in pairwise(known):
            parts.append(
                Markup('<line class="axis {}" x1="{:.2f}%" y1="{:.1f}" x2="{:.2f}%" y2="{:.1f}"/>').format(
                    kind, 100 * one.x, one.y, 100 * other.x, other.y
                )
            )
    return Markup("").join(parts)
