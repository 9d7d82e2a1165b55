"""The change in each class's recall by depth and by width."""

from collections.abc import Sequence

from matplotlib.figure import Figure as Canvas

from harness.analysis.classes import class_changes, class_models
from harness.analysis.evidence import Evidence
from harness.analysis.stats import Difference
from harness.report.figures.figure import INK, Figure, draw_figure
from harness.report.figures.style import DEEPER, NO_INTERVAL, WIDER, draw_point, error_bars
from harness.text import signed

_MAX_NAME_CHARACTERS = 24


def classes_figure(evidence: Evidence) -> Figure | None:
    """Return each class's change in recall from the base model, one point for depth and one for width."""
    chosen, changes = class_models(evidence), class_changes(evidence)
    if chosen is None or not changes:
        return None
    base, deeper, wider = chosen
    names = [one.class_name for one in changes]
    series = {
        DEEPER: (deeper, [one.deeper for one in changes]),
        WIDER: (wider, [one.wider for one in changes]),
    }

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        plot.axvline(0, color=INK, lw=0.8)
        for style, (model, differences) in series.items():
            offset = 0.14 if style is DEEPER else -0.14
            for place, one in enumerate(differences):
                if one is not None:
                    draw_point(plot, one.estimate, -place + offset, style, xerr=error_bars(one.interval), size=5)
            if model is not None:
                label = f"{style.kind} ({model})"
                plot.plot([], [], color=style.colour, marker=style.marker, ls="", label=label)
        plot.set_yticks([-place for place in range(len(names))], list(map(_shortened, names)))
        plot.set_xlabel("change in recall from the base model, percentage points")
        plot.set_ylim(-len(changes) + 0.4, 0.6)
        plot.grid(visible=False, axis="y")
        canvas.legend(loc="outside upper right", ncols=2)

    return draw_figure(
        f"{evidence.file_name}-classes",
        f"{evidence.title}: classes that depth and width help",
        f"Change in each class's recall from {base}, paired by seed, with its 95 % interval ({NO_INTERVAL}).",
        " ".join(_extremes(model, differences, names) for model, differences in series.values()),
        draw,
        (7.2, 1.2 + 0.26 * len(changes)),
    )


def _extremes(model: str | None, differences: Sequence[Difference | None], names: Sequence[str]) -> str:
    """Return a sentence on the classes that gain the most and the least by a model."""
    known = [(one.estimate, name) for one, name in zip(differences, names, strict=True) if one is not None]
    if model is None or not known:
        return ""
    (least, worst), (most, best) = min(known), max(known)
    return (
        f"With {model} class {best} gains the most ({signed(most, 2)} pp), {worst} the least ({signed(least, 2)} pp)."
    )


def _shortened(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _MAX_NAME_CHARACTERS else name[: _MAX_NAME_CHARACTERS - 1] + "…"
