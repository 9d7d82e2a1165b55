"""Differences in accuracy with intervals: wider against deeper, and every step along each axis."""

from matplotlib.figure import Figure as Canvas

from harness.analysis.axes import Axes
from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.wording import confidence_text, difference_text, level_text
from harness.report.figures.figure import INK, Figure, draw_figure
from harness.report.figures.labels import excess_characters
from harness.report.figures.style import DEEPER, NO_INTERVAL, PURPLE, WIDER, Style, draw_point, error_bars, mark_handle

_USUAL_CHARACTERS = 40  # of a line's label
_STYLES = {
    "wider − deeper": Style("other", PURPLE, "D", "-"),
    "a step deeper": DEEPER,
    "a step wider": WIDER,
}


def differences_figure(evidence: Evidence, comparisons: Comparisons) -> Figure | None:
    """Return a line per comparison, with its interval."""
    if evidence.axes is None:
        return None
    rows = _rows(evidence.axes, comparisons)
    if not rows:
        return None
    labels = [f"{group}:  {one.model} − {one.other}" for group, one in rows]
    level, confidence = level_text(comparisons.alpha), confidence_text(1 - comparisons.alpha)

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        plot.axvline(0, color=INK, lw=0.8)
        for place, (group, one) in enumerate(rows):
            interval, is_hollow = one.interval, not one.is_significant
            draw_point(plot, interval.mean, -place, _STYLES[group], xerr=error_bars(interval), is_hollow=is_hollow)
        plot.set_yticks([-place for place in range(len(rows))], labels)
        plot.set_xlabel("difference in test accuracy, percentage points")
        plot.grid(visible=False, axis="y")
        words = {f"significant at {level} (Holm)": False, "not significant": True}
        mark = Style("other", INK, "o", "-")
        handles = [mark_handle(mark, word, is_hollow=is_hollow) for word, is_hollow in words.items()]
        canvas.legend(handles=handles, loc="outside lower center", ncols=2)

    said = "; ".join(f"{one.model} over {one.other} {difference_text(one.interval)}" for _, one in rows)
    return draw_figure(
        f"{evidence.file_name}-differences",
        f"{evidence.title}: differences in accuracy and their significance",
        f"Mean difference with its simultaneous {confidence} interval ({NO_INTERVAL}). Filled: significant at {level}, "
        "corrected (Holm); hollow: not significant. Wider − deeper is the primary test; the steps are exploratory.",
        f"Differences in accuracy: {said}.",
        draw,
        (7.6 + 0.08 * excess_characters(labels, _USUAL_CHARACTERS), 1.5 + 0.34 * len(rows)),
    )


def _rows(axes: Axes, comparisons: Comparisons) -> list[tuple[str, Comparison]]:
    """Return the comparisons that there are, each with its group's name."""
    groups = {
        "wider − deeper": axes.counterparts,
        "a step deeper": [(later, earlier) for earlier, later in axes.steps("depth")],
        "a step wider": [(later, earlier) for earlier, later in axes.steps("width")],
    }
    found = [(group, comparisons.of(*pair)) for group, pairs in groups.items() for pair in pairs]
    return [(group, one) for group, one in found if one is not None]
