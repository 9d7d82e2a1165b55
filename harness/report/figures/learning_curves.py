"""The paper's figures 5 and 9: evaluation accuracy over the epochs, all of them and the last ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from harness.analysis.evidence import Evidence
from harness.report.figures.figure import INK, Figure, draw_figure
from harness.report.figures.selection import comparable_published_evidence, drawn_models, selection_note
from harness.report.figures.style import Style, draw_point, mark_handle, plots_in_a_row, styles_of

_PAPER_FIGURES = {
    "cifar10": " (the paper's figure 5)",
    "fashionmnist": " (the paper's figure 5)",
    "gtsrb": " (figure 9)",
}


def learning_curves_figure(evidence: Evidence) -> Figure | None:
    """Return two plots of each model's learning curve: all epochs, and the last ones enlarged."""
    found = {model: _curves(evidence, model) for model in drawn_models(evidence)}
    curves = {model: of_model for model, of_model in found.items() if of_model.size}
    if not curves:
        return None
    styles, published = styles_of(evidence), comparable_published_evidence(evidence)

    def draw(canvas: Canvas) -> None:
        whole, end = plots_in_a_row(canvas, 2)
        for plot in (whole, end):
            for model, of_model in curves.items():
                _draw_curve(plot, of_model, styles[model], model)
            plot.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            plot.set_xlabel("epoch")
        whole.set_ylabel("evaluation accuracy, %")
        whole.set_title("all epochs")
        end.set_title("the last epochs")
        _enlarge_end(end, curves, published, styles)
        handles, _ = whole.get_legend_handles_labels()
        if any(len(of_model) > 1 for of_model in curves.values()):
            handles.append(Patch(color=INK, alpha=0.12, lw=0, label="lowest to highest seed"))
        if published is not None:
            handles.append(mark_handle(Style("other", INK, "o", "-"), "published, final", is_hollow=True))
        canvas.legend(handles=handles, loc="outside right center", handlelength=3.2)

    finals = ", ".join(f"{model} {float(of_model[:, -1].mean()):.2f} %" for model, of_model in curves.items())
    caption = "Mean over seeds; the band spans the lowest to the highest seed." + selection_note(evidence)
    if published is not None:
        caption += " Hollow, at the right: the published final accuracies."
    number = _PAPER_FIGURES.get(evidence.dataset, "") if published is not None else ""
    return draw_figure(
        f"{evidence.file_name}-learning-curves",
        f"{evidence.title}: learning curves{number}",
        caption,
        f"Evaluation accuracy over {_epochs(curves)} epochs; after the last: {finals}.",
        draw,
        (9.6, 3.6),
    )


def _epochs(curves: Mapping[str, np.ndarray]) -> int:
    return max(len(of_model[0]) for of_model in curves.values())


def _enlarge_end(
    plot: Plot, curves: Mapping[str, np.ndarray], published: Evidence | None, styles: dict[str, Style]
) -> None:
    """Limit the plot to the last 40 % of the epochs, with published final accuracies at its right."""
    epochs = _epochs(curves)
    late = max(1, round(0.6 * epochs))
    seen = np.concatenate([of_model[:, late - 1 :].ravel() for of_model in curves.values()])
    low, high = float(np.percentile(seen, 5)), float(seen.max())
    if published is not None:
        for model in published.models:
            accuracy = published.values(model, "accuracy_percent")[0]
            if model in curves:
                low, high = min(low, accuracy), max(high, accuracy)
                draw_point(plot, epochs * 1.03, accuracy, styles[model], is_hollow=True, size=6)
    room = max(0.1, 0.08 * (high - low))
    plot.set_xlim(late, max(late + 0.5, epochs * (1.06 if published is not None else 1.0)))
    plot.set_ylim(low - room, min(100.0, high + room))


def _curves(evidence: Evidence, model: str) -> np.ndarray:
    """Return a model's evaluation accuracies, (seeds, epochs).

    The array is empty if no curve is stored or if the curves differ in length.
    """
    found = [run.read_curve() for run in evidence.of(model).values()]
    known = [curve.accuracy_percent for curve in found if curve is not None and curve.accuracy_percent]
    return np.array(known) if known and len(set(map(len, known))) == 1 else np.empty((0, 0))


def _draw_curve(plot: Plot, curves: np.ndarray, style: Style, name: str) -> None:
    epochs = np.arange(1, curves.shape[1] + 1)
    marks: dict[str, Any] = {"marker": style.marker, "ms": 5, "markevery": max(1, curves.shape[1] // 8)}
    plot.plot(epochs, curves.mean(axis=0), color=style.colour, ls=style.line, lw=1.4, label=name, **marks)
    if len(curves) > 1:
        plot.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=style.colour, alpha=0.12, lw=0)
