"""The paper's figures 7 and 10: bars of accuracy over training time."""

from collections.abc import Mapping

from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from harness.analysis.evidence import Evidence
from harness.analysis.stats import Interval
from harness.report.figures.figure import INK, Figure, draw_figure
from harness.report.figures.labels import excess_characters
from harness.report.figures.selection import comparable_published_evidence, drawn_models, selection_note
from harness.report.figures.style import Style, error_bars, first_of_each, plots_in_a_row, styles_of

_USUAL_CHARACTERS = 11  # of a model's name
_HATCHES = {"base": "", "depth": "//", "width": "..", "other": "xx"}
_PAPER_FIGURES = {"cifar10": 7, "fashionmnist": 7, "gtsrb": 10}


def marginal_gain_figure(evidence: Evidence) -> Figure | None:
    """Return bars of each model's marginal gain, beside the published ones if comparable."""
    measured = _gains(evidence, drawn_models(evidence))
    if not measured:
        return None
    styles, published = styles_of(evidence), comparable_published_evidence(evidence)
    panels = {"measured": measured}
    if published is not None:
        panels["from the paper's table"] = _gains(published, [one for one in published.models if one in measured])

    def draw(canvas: Canvas) -> None:
        for plot, (title, gains) in zip(plots_in_a_row(canvas, len(panels)), panels.items(), strict=True):
            _draw_bars(plot, gains, styles)
            if published is not None:
                plot.set_title(title)
        handles = [
            Patch(facecolor="none", edgecolor=style.colour, hatch=_HATCHES[style.kind], label=words)
            for words, style in first_of_each(styles[model] for model in measured).items()
        ]
        canvas.legend(handles=handles, loc="outside lower center", ncols=4)

    said = ", ".join(f"{model} {gain.mean:.3g}" for model, gain in measured.items())
    number = _PAPER_FIGURES.get(evidence.dataset) if published is not None else None
    return draw_figure(
        f"{evidence.file_name}-marginal-gain",
        f"{evidence.title}: the paper's marginal gain" + (f" (its figure {number})" if number else ""),
        "Final accuracy over total training time (equation 6): an average, which favours models that train quickly. "
        "Plain: base; stripes: deeper; dots: wider." + selection_note(evidence),
        f"Percent per second by model: {said}.",
        draw,
        (max(4.8, 0.45 * len(measured)) * len(panels), 3.8 + 0.04 * excess_characters(measured, _USUAL_CHARACTERS)),
    )


def _gains(evidence: Evidence, models: list[str]) -> dict[str, Interval]:
    means = {model: evidence.mean(model, "marginal_gain") for model in models}
    return {model: mean for model, mean in means.items() if mean is not None}


def _draw_bars(plot: Plot, gains: Mapping[str, Interval], styles: dict[str, Style]) -> None:
    for place, (model, gain) in enumerate(gains.items()):
        style = styles[model]
        plot.bar(
            place, gain.mean, yerr=error_bars(gain), color="none", edgecolor=style.colour, ecolor=INK, capsize=3,
            hatch=_HATCHES[style.kind], lw=1.4, width=0.7,
        )  # fmt: skip
        plot.annotate(
            f"{gain.mean:.3g}", (place, gain.high or gain.mean), ha="center", va="bottom", fontsize=8,
            xytext=(0, 2), textcoords="offset points",
        )  # fmt: skip
    plot.set_xticks(range(len(gains)), list(gains), rotation=30, ha="right", rotation_mode="anchor")
    plot.grid(visible=False, axis="x")
    plot.margins(y=0.12)
    plot.set_ylabel("accuracy over time, % per second")
