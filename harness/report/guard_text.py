"""The guard's verdict for a terminal."""

import textwrap
from collections.abc import Iterable

from harness.analysis.guard import Comparison, Incomplete, NotCompared, Verdict
from harness.config.limits import Limit
from harness.report.tables.table import Column, Row, Table
from harness.report.terminal import terminal_text
from harness.text import MOST_NAMED, count_noun, listed_up_to

_FORMS = {
    "accuracy_percent": "{:.2f} %",
    "macro_f1_percent": "{:.2f} %",
    "epoch_seconds": "{:.4g} s",
    "params": "{:,.0f}",
    "macs": "{:,.0f}",
    "latency_seconds": "{:.4g} s",
    "image_seconds": "{:.4g} s",
}
_COLUMNS = (
    Column("case", "case", is_words=True),
    Column("measure", "measure", is_words=True),
    Column("before", "before"),
    Column("after", "after"),
    Column("change", "change"),
    Column("limit", "limit"),
)


def verdict_lines(verdict: Verdict, width: int) -> list[str]:
    """Return the violations as a table, what was not compared, and the closing line."""
    lines = []
    rows = [*map(_row, verdict.violations), *map(_incomplete_row, verdict.incomplete)]
    if rows:
        table = Table("", "beyond the limits:", _COLUMNS, tuple(rows), droppable=("change",))
        lines += [*terminal_text(table, width).splitlines(), ""]
    for changed in verdict.changed:
        changes = listed_up_to(changed.changes, MOST_NAMED, "change")
        lines += _filled(f"changed: {changed.case}: {changes}", width)
    for one in verdict.not_compared:
        lines += _filled(not_compared_text(one), width)
    if single := sorted({one.case for one in verdict.comparisons if one.method == "one seed"}):
        lines += _filled(f"one seed: plain comparison of {', '.join(single)}", width)
    for comparison in verdict.comparisons:
        if any(comparison.disturbed_epochs):
            lines += _filled(disturbed_text(comparison), width)
    return [*lines, *_filled(closing_line(verdict), width)]


def violation_text(one: Comparison | Incomplete) -> str:
    """Return a violation in one line: ``digits resnet8: epoch time 1 s → 1.3 s (+30.0%), limit +10%``."""
    row = _row(one) if isinstance(one, Comparison) else _incomplete_row(one)
    change = f" ({row['change']})" if row["change"] else ""
    return f"{row['case']}: {row['measure']} {row['before']} → {row['after']}{change}, limit {row['limit']}"


def not_compared_text(one: NotCompared) -> str:
    """Return the line on a comparison that was not made."""
    measure = f", {one.measure.title}" if one.measure else ""
    return f"not compared: {one.case}{measure}: {one.reason}"


def disturbed_text(one: Comparison) -> str:
    """Return the line on the disturbed epochs that a comparison leaves out."""
    before, after = (count_noun(number, "epoch") for number in one.disturbed_epochs)
    return (
        f"disturbed: {one.case}, {one.limit.measure.title}: compared without {before} before and {after} after "
        "that were disturbed"
    )


def closing_line(verdict: Verdict) -> str:
    """Return the verdict in one line: ``12 comparisons of 3 cases: within the limits``."""
    cases = len({one.case for one in verdict.comparisons} | {one.case for one in verdict.incomplete})
    outcomes = []
    if verdict.is_violated:
        outcomes.append(f"{len(verdict.violations) + len(verdict.incomplete)} beyond the limits")
    elif verdict.comparisons:
        outcomes.append("within the limits")
    if verdict.unchecked:
        outcomes.append(f"{len(verdict.unchecked)} that must be checked could not be compared")
    made = f"{count_noun(len(verdict.comparisons), 'comparison')} of {count_noun(cases, 'case')}"
    return f"{made}: {', '.join(outcomes) or 'nothing could be compared'}"


def _row(one: Comparison) -> Row:
    measure, change = one.limit.measure, one.after - one.before
    is_percent = measure.name.endswith("_percent")
    relative = f"{change / one.before:+.1%}" if one.before else ""
    return {
        "case": one.case,
        "measure": measure.title,
        "before": _shown(measure.name, one.before),
        "after": _shown(measure.name, one.after),
        "change": f"{change:+.2f} pp" if is_percent else relative,
        "limit": _limit_text(one.limit),
    }


def _incomplete_row(one: Incomplete) -> Row:
    return {
        "case": one.case, "measure": "status", "before": one.before, "after": one.after, "change": "",
        "limit": "as before",
    }  # fmt: skip


def _shown(name: str, value: float) -> str:
    return _FORMS[name].format(value) if name in _FORMS else f"{value / 2**20:,.0f} MiB"


def _limit_text(limit: Limit) -> str:
    """Return a limit with the unit of an absolute one."""
    unit = {"percentage points": " pp", "seconds": " s", "bytes": " bytes"}.get(limit.measure.unit, "")
    return limit.text if limit.allowance.is_relative else f"{limit.text}{unit}"


def limits_lines(limits: Iterable[Limit], width: int) -> list[str]:
    """Return the limits, in lines of ``width`` characters; defaults are marked."""
    parts = (f"{one.measure.title} {_limit_text(one)}{' (default)' if one.is_default else ''}" for one in limits)
    return _filled(f"limits: {', '.join(parts)}", width)


def _filled(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
