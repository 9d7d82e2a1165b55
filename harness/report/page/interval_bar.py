"""A verdict's difference as a small drawing: its interval beside 0 and the margin."""

from collections.abc import Sequence

from markupsafe import Markup

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.wording import difference_text
from harness.report.page.marks import kind_of, mark_shape

_HEIGHT = 30
_ROOM = 1.15  # of the longest interval: its end must not touch the border


def bar_reach(verdicts: Sequence[BudgetVerdict]) -> float:
    """Return the percentage points on each side of 0 that hold every interval and the margin."""
    ends = [end for one in verdicts for end in (one.interval.low, one.interval.mean, one.interval.high, one.margin)]
    return _ROOM * max((abs(end) for end in ends if end is not None), default=1.0)


def interval_bar(verdict: BudgetVerdict, reach: float) -> Markup:
    """Return an SVG of any width: the difference, its interval, 0, and the band of ± margin.

    Args:
        reach: the percentage points on each side of 0, the same for all bars of a study.
    """

    def place(points: float) -> str:
        return f"{50 + 50 * points / reach:.2f}%"

    kind, middle = kind_of(verdict.outcome), _HEIGHT / 2
    low, high = verdict.interval.low, verdict.interval.high
    line = Markup("")
    if low is not None and high is not None:
        line = Markup('<line class="interval" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            place(low), place(high), middle, middle
        )
    return Markup(
        '<svg class="bar {}" width="100%" height="{}" role="img" aria-label="{}">'
        '<rect class="margin" x="{}" width="{}" y="3" height="{}"/>'
        '<line class="zero" x1="50%" x2="50%" y1="0" y2="{}"/>{}'
        '<svg class="mark" x="{}" y="{}" overflow="visible">{}</svg></svg>'
    ).format(
        kind,
        _HEIGHT,
        f"wider minus deeper: {difference_text(verdict.interval)}",
        place(-verdict.margin),
        f"{100 * verdict.margin / reach:.2f}%",
        _HEIGHT - 6,
        _HEIGHT,
        line,
        place(verdict.interval.mean),
        middle,
        mark_shape(kind),
    )
