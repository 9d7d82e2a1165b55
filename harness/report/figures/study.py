"""The figures of one study: the paper's 5 to 10, measured beside published, and those that the paper lacks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from harness.analysis.axes import Axis
from harness.analysis.classes import class_changes, class_models
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence, Measure, published_evidence
from harness.analysis.pareto import models_on_front, pareto_points
from harness.analysis.stats import Difference, Interval
from harness.analysis.wording import COST_WORDS, points, short
from harness.report.figures.style import (
    BLUE,
    INK,
    PURPLE,
    VERMILLION,
    Figure,
    Style,
    drawn,
    errors,
    label,
    log_axis,
    point,
    side_by_side,
    styles_of,
    tick_count,
    tick_duration,
)
from harness.report.truncation import CURVES, spaced
from harness.text import signed

NO_INTERVAL = "none with one seed, or where all seeds agree"
COLOURS = "Blue, round or square: deeper; orange, triangles: wider."
_HATCHES = {"base": "", "depth": "//", "width": "..", "other": "xx"}


def study_figures(evidence: Evidence, comparisons: Comparisons) -> list[Figure]:
    """Every figure of a study in which something was measured."""
    made = [
        _accuracy_against_cost(evidence),
        _differences(evidence, comparisons),
        _learning_curves(evidence),
        _time_against_parameters(evidence),
        _marginal_gain(evidence),
        _classes(evidence),
    ]
    return [figure for figure in made if figure is not None]


def _published(evidence: Evidence) -> Evidence | None:
    """What the paper reports of the study, if it may stand beside it."""
    found = evidence.is_comparable and evidence.dataset in ("cifar10", "fashionmnist", "gtsrb")
    return published_evidence(evidence.dataset) if found else None


def _singled_out(evidence: Evidence) -> list[str]:
    """The models that a figure can name or draw each for itself: all or, of many, those along the axes."""
    models, axes = evidence.models, evidence.axes
    if len(models) <= CURVES:
        return models
    known = models if axes is None else list(dict.fromkeys((*axes.along("depth"), *axes.along("width"))))
    return [known[place] for place in spaced(len(known), CURVES)]


def _named(evidence: Evidence) -> list[str]:
    """The models that have their names beside their points: all or, of many, the ends of the axes and the best."""
    if len(evidence.models) <= CURVES:
        return evidence.models
    axes = evidence.axes
    ends = [] if axes is None else [axes.base, *axes.depth[-1:], *axes.width[-1:]]
    means = {model: evidence.mean(model, "accuracy_percent") for model in evidence.models}
    return [*ends, max(means, key=lambda model: mean.mean if (mean := means[model]) else 0.0)]


def _of_many(evidence: Evidence) -> str:
    """What a caption says where not all models are singled out."""
    count = len(_singled_out(evidence))
    if count == len(evidence.models):
        return ""
    which = "" if evidence.axes is None else " along the axes"
    return f" {count} of {len(evidence.models)} models{which} are drawn; the tables have all."


_COST_FORMS: dict[Measure, tuple[str, Callable[[float], str]]] = {
    "params": ("parameters", tick_count),
    "macs": ("MACs of one image", tick_count),
    "total_seconds": ("training time", tick_duration),
}


def _accuracy_against_cost(evidence: Evidence) -> Figure | None:
    """Accuracy against parameters, MACs and training time, with the Pareto fronts."""
    measures = [one for one in _COST_FORMS if pareto_points(evidence, one)]
    if not measures:
        return None
    styles, published = styles_of(evidence), _published(evidence)

    def draw(canvas: Canvas) -> None:
        plots = side_by_side(canvas, len(measures), sharey=True)
        for plot, measure in zip(plots, measures, strict=True):
            if published is not None and measure != "total_seconds":  # its time is another device's
                _draw_points(plot, published, measure, styles, is_published=True)
            _draw_points(plot, evidence, measure, styles, is_published=False)
            front = models_on_front(evidence, measure)
            plot.step(
                [one.cost for one in front],
                [one.accuracy_percent for one in front],
                where="post",
                color=INK,
                lw=0.8,
                ls=":",
            )
            words, form = _COST_FORMS[measure]
            plot.set_xlabel(words)
            plot.margins(x=0.16, y=0.12)
            log_axis(plot, "x", form)
        plots[0].set_ylabel("test accuracy, %")
        bottom, top = plots[0].get_ylim()
        plots[0].set_ylim(max(0.0, bottom), min(100.0, top))  # where intervals do not stop

    means = [(model, evidence.mean(model, "accuracy_percent")) for model in evidence.models]
    told = ", ".join(f"{short(model)} {mean.mean:.2f} %" for model, mean in means if mean is not None)
    fronts = "; ".join(f"{COST_WORDS[one]}: {', '.join(_front(evidence, one))}" for one in measures)
    caption = f"Mean over seeds with its 95 % interval ({NO_INTERVAL}). {COLOURS} Dotted: the Pareto front."
    if len(evidence.models) > CURVES:
        caption += f" Of {len(evidence.models)} models the ends of the axes and the most accurate are named."
    if published is not None:
        caption += " Hollow: as published."
    return drawn(
        f"{evidence.file_name}-accuracy-cost",
        f"{evidence.title}: accuracy against cost",
        caption,
        f"Test accuracy by model: {told}. On the Pareto front by {fronts}.",
        draw,
        (3.4 * len(measures), 3.4),
    )


def _front(evidence: Evidence, measure: Measure) -> list[str]:
    return [short(one.model) for one in models_on_front(evidence, measure)]


def _draw_points(
    plot: Plot, evidence: Evidence, measure: Measure, styles: dict[str, Style], *, is_published: bool
) -> None:
    """Each model's accuracy at its cost; the published ones hollow, without names."""
    named, singled_out = _named(evidence), _singled_out(evidence)
    for model in evidence.models:
        cost, accuracy = evidence.mean(model, measure), evidence.mean(model, "accuracy_percent")
        if cost is None or accuracy is None or model not in styles:
            continue
        bars, size = errors(accuracy), 7 if model in singled_out else 4
        point(plot, cost.mean, accuracy.mean, styles[model], yerr=bars, is_hollow=is_published, size=size)
        if not is_published and model in named:
            label(plot, cost.mean, accuracy.mean, model, styles[model])


def _differences(evidence: Evidence, comparisons: Comparisons) -> Figure | None:
    """Wider against deeper, and every step along each axis, with intervals."""
    axes = evidence.axes
    if axes is None:
        return None
    groups = [
        ("wider − deeper", axes.counterparts),
        ("a step deeper", [(later, earlier) for earlier, later in axes.steps("depth")]),
        ("a step wider", [(later, earlier) for earlier, later in axes.steps("width")]),
    ]
    rows = [(group, one) for group, pairs in groups for pair in pairs if (one := comparisons.of(*pair)) is not None]
    if not rows:
        return None
    styles = {
        "wider − deeper": Style("other", PURPLE, "D", "-"),
        "a step deeper": Style("depth", BLUE, "o", "-"),
        "a step wider": Style("width", VERMILLION, "^", "-"),
    }

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        plot.axvline(0, color=INK, lw=0.8)
        for place, (group, one) in enumerate(rows):
            interval, is_hollow = one.difference.interval, not one.is_distinguishable
            point(plot, interval.mean, -place, styles[group], xerr=errors(interval), is_hollow=is_hollow)
        labels = [f"{group}:  {short(one.model)} − {short(one.other)}" for group, one in rows]
        plot.set_yticks([-place for place in range(len(rows))], labels)
        plot.set_xlabel("difference in test accuracy, percentage points")
        plot.grid(visible=False, axis="y")

    told = "; ".join(f"{short(one.model)} over {short(one.other)} {points(one.difference.interval)}" for _, one in rows)
    return drawn(
        f"{evidence.file_name}-differences",
        f"{evidence.title}: differences, and whether they are more than chance",
        f"Mean difference paired by seed with its own 95 % interval ({NO_INTERVAL}). Filled: to be told from "
        "chance, corrected for all pairs of models; hollow: not.",
        f"Differences in accuracy: {told}.",
        draw,
        (7.6, 1.2 + 0.34 * len(rows)),
    )


def _learning_curves(evidence: Evidence) -> Figure | None:
    """The paper's figures 5 and 9: accuracy over the epochs, whole and its end."""
    curves = {model: _curves(evidence, model) for model in _singled_out(evidence)}
    curves = {model: of_model for model, of_model in curves.items() if of_model.size}
    if not curves:
        return None
    styles, published = styles_of(evidence), _published(evidence)
    epochs = max(of_model.shape[1] for of_model in curves.values())
    late = max(1, round(0.6 * epochs))

    def draw(canvas: Canvas) -> None:
        whole, end = side_by_side(canvas, 2)
        for plot in (whole, end):
            for model, of_model in curves.items():
                _draw_curve(plot, of_model, styles[model], short(model))
            plot.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            plot.set_xlabel("epoch")
        whole.set_ylabel("evaluation accuracy, %")
        whole.set_title("all epochs")
        end.set_title("the last epochs")
        seen = np.concatenate([of_model[:, late - 1 :].ravel() for of_model in curves.values()])
        low, high = float(np.percentile(seen, 5)), float(seen.max())
        if published is not None:
            for model in published.models:
                accuracy = published.values(model, "accuracy_percent")[0]
                if model in curves:
                    low, high = min(low, accuracy), max(high, accuracy)
                    point(end, epochs * 1.03, accuracy, styles[model], is_hollow=True, size=6)
        room = max(0.1, 0.08 * (high - low))
        end.set_xlim(late, max(late + 0.5, epochs * (1.06 if published is not None else 1.0)))
        end.set_ylim(low - room, min(100.0, high + room))
        handles, labels = whole.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside right center", handlelength=3.2)

    finals = ", ".join(f"{short(model)} {float(of_model[:, -1].mean()):.2f} %" for model, of_model in curves.items())
    caption = "Mean over seeds; the band is from the lowest to the highest seed." + _of_many(evidence)
    if published is not None:
        caption += " Hollow, at the right: the published final accuracies."
    of_paper = {"cifar10": " (the paper's figure 5)", "fashionmnist": " (the paper's figure 5)", "gtsrb": " (figure 9)"}
    return drawn(
        f"{evidence.file_name}-learning-curves",
        f"{evidence.title}: learning curves" + (of_paper.get(evidence.dataset, "") if published is not None else ""),
        caption,
        f"Evaluation accuracy over {epochs} epochs; after the last: {finals}.",
        draw,
        (9.6, 3.6),
    )


def _curves(evidence: Evidence, model: str) -> np.ndarray:
    """A model's evaluation accuracies, a row per seed, a column per epoch; empty where none are kept."""
    found = [run.read_curve() for run in evidence.of(model).values()]
    known = [curve for curve in found if curve]
    return np.array(known) if known and len(set(map(len, known))) == 1 else np.empty((0, 0))


def _draw_curve(plot: Plot, curves: np.ndarray, style: Style, name: str) -> None:
    epochs = np.arange(1, curves.shape[1] + 1)
    marks: dict[str, Any] = {"marker": style.marker, "ms": 5, "markevery": max(1, curves.shape[1] // 8)}
    plot.plot(epochs, curves.mean(axis=0), color=style.colour, ls=style.line, lw=1.4, label=name, **marks)
    if len(curves) > 1:
        plot.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=style.colour, alpha=0.12, lw=0)


def _time_against_parameters(evidence: Evidence) -> Figure | None:
    """The paper's figures 6 and 8: seconds per epoch against parameters, along each axis."""
    if evidence.axes is None or not evidence.has_comparable_times:
        return None
    published = _published(evidence)

    def draw(canvas: Canvas) -> None:
        plots = side_by_side(canvas, 2 if published is not None else 1)
        for plot, one in zip(plots, [evidence, published], strict=False):
            assert one is not None
            _draw_time(plot, one, styles_of(evidence))
            plot.set_ylabel("seconds per epoch")
        if published is not None:
            plots[0].set_title("measured")
            plots[1].set_title("as published, on another device")

    means = {model: evidence.mean(model, "epoch_seconds") for model in evidence.models}
    told = ", ".join(f"{short(model)} {mean.mean:.3g} s" for model, mean in means.items() if mean is not None)
    if not told:
        return None
    number = {"cifar10": 6, "fashionmnist": 6, "gtsrb": 8}.get(evidence.dataset) if published is not None else None
    return drawn(
        f"{evidence.file_name}-time-parameters",
        f"{evidence.title}: epoch time against parameters" + (f" (the paper's figure {number})" if number else ""),
        f"Both axes are logarithmic: a straight line is a power law. {COLOURS}",
        f"Seconds per epoch by model: {told}.",
        draw,
        (9.6 if published is not None else 5.4, 3.4),
    )


def _draw_time(plot: Plot, evidence: Evidence, styles: dict[str, Style]) -> None:
    axes = evidence.axes
    assert axes is not None
    lines: tuple[tuple[Axis, str, str], ...] = (("depth", BLUE, "-"), ("width", VERMILLION, "--"))
    for axis, colour, line in lines:
        known = [(model, evidence.mean(model, "epoch_seconds")) for model in axes.along(axis)]
        found = [(evidence.values(model, "params"), mean.mean) for model, mean in known if mean is not None]
        plot.plot(
            [next(iter(params.values())) for params, _ in found], [y for _, y in found], color=colour, ls=line, lw=1.2
        )
    for model in axes.along("depth") + axes.along("width")[1:]:
        mean = evidence.mean(model, "epoch_seconds")
        if mean is not None and model in styles:
            params = next(iter(evidence.values(model, "params").values()))
            point(plot, params, mean.mean, styles[model], yerr=errors(mean))
            label(plot, params, mean.mean, model, styles[model], is_rising=True)
    plot.set_xlabel("parameters")
    plot.margins(x=0.16, y=0.12)
    log_axis(plot, "x", tick_count)
    log_axis(plot, "y", lambda value: f"{value:g}")


def _marginal_gain(evidence: Evidence) -> Figure | None:
    """The paper's figures 7 and 10: bars of accuracy over training time."""
    models = _singled_out(evidence)
    measured = {model: mean for model in models if (mean := evidence.mean(model, "marginal_gain")) is not None}
    if not measured:
        return None
    styles, published = styles_of(evidence), _published(evidence)
    panels: list[tuple[str, dict[str, Interval]]] = [("measured", measured)]
    if published is not None:
        theirs = {model: published.mean(model, "marginal_gain") for model in published.models if model in measured}
        panels.append(("from the paper's table", {model: mean for model, mean in theirs.items() if mean is not None}))

    def draw(canvas: Canvas) -> None:
        plots = side_by_side(canvas, len(panels))
        for plot, (title, gains) in zip(plots, panels, strict=True):
            for place, (model, gain) in enumerate(gains.items()):
                style = styles[model]
                plot.bar(
                    place, gain.mean, yerr=errors(gain), color="none", edgecolor=style.colour, ecolor=INK, capsize=3,
                    hatch=_HATCHES[style.kind], lw=1.4, width=0.7,
                )  # fmt: skip
                plot.annotate(
                    f"{gain.mean:.3g}", (place, gain.high or gain.mean), ha="center", va="bottom", fontsize=8,
                    xytext=(0, 2), textcoords="offset points",
                )  # fmt: skip
            plot.set_xticks(range(len(gains)), [short(model) for model in gains])
            plot.grid(visible=False, axis="x")
            plot.margins(y=0.12)
            plot.set_ylabel("accuracy over time, % per second")
            if published is not None:
                plot.set_title(title)

    told = ", ".join(f"{short(model)} {gain.mean:.3g}" for model, gain in measured.items())
    number = {"cifar10": 7, "fashionmnist": 7, "gtsrb": 10}.get(evidence.dataset) if published is not None else None
    return drawn(
        f"{evidence.file_name}-marginal-gain",
        f"{evidence.title}: the paper's marginal gain" + (f" (its figure {number})" if number else ""),
        "Final accuracy over total training time (equation 6): an average, which favours what trains quickly. "
        "Plain: base; stripes: deeper; dots: wider." + _of_many(evidence),
        f"Percent per second by model: {told}.",
        draw,
        (max(4.8, 0.45 * len(measured)) * len(panels), 3.2),
    )


def _classes(evidence: Evidence) -> Figure | None:
    """What depth and width change in each class's recall."""
    chosen, changes = class_models(evidence), class_changes(evidence)
    if chosen is None or not changes:
        return None
    _, deeper, wider = chosen
    names = [one.class_name for one in changes]
    series = {
        Style("depth", BLUE, "o", "-"): (deeper, [one.deeper for one in changes]),
        Style("width", VERMILLION, "^", "-"): (wider, [one.wider for one in changes]),
    }

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        plot.axvline(0, color=INK, lw=0.8)
        for style, (model, differences) in series.items():
            offset = 0.14 if style.kind == "depth" else -0.14
            for place, one in enumerate(differences):
                if one is not None:
                    point(plot, one.estimate, -place + offset, style, xerr=errors(one.interval), size=5)
            if model is not None:
                plot.plot(
                    [], [], color=style.colour, marker=style.marker, ls="", label=f"{style.kind} ({short(model)})"
                )
        plot.set_yticks([-place for place in range(len(names))], list(map(_shortened, names)))
        plot.set_xlabel("change in recall from the base model, percentage points")
        plot.set_ylim(-len(changes) + 0.4, 0.6)
        plot.grid(visible=False, axis="y")
        canvas.legend(loc="outside upper right", ncols=2)

    return drawn(
        f"{evidence.file_name}-classes",
        f"{evidence.title}: which classes depth and width help",
        f"Change in each class's recall from {short(chosen[0])}, paired by seed, with its interval ({NO_INTERVAL}).",
        " ".join(_class_words(model, differences, names) for model, differences in series.values()),
        draw,
        (7.2, 1.2 + 0.26 * len(changes)),
    )


def _class_words(model: str | None, differences: Sequence[Difference | None], names: Sequence[str]) -> str:
    """The classes that gain and lose the most by a model."""
    known = [(one.estimate, name) for one, name in zip(differences, names, strict=True) if one is not None]
    if model is None or not known:
        return ""
    (least, worst), (most, best) = min(known), max(known)
    return (
        f"With {short(model)} class {best} gains the most ({signed(most, 2)} pp), {worst} the least "
        f"({signed(least, 2)} pp)."
    )


def _shortened(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= 24 else name[:23] + "…"
