"""The section on the epochs and the time that each model takes to a target accuracy."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from harness.analysis.answer import Question
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.targets import Progress, Targets, median, time_ratio, time_to_target
from harness.report.section import Section
from harness.report.tables.columns import SEED_COUNT, model_column, model_row, non_empty
from harness.report.tables.table import Column, Row, Table
from harness.text import count_noun, duration, listed


def target_section(evidence: Evidence, comparisons: Comparisons, question: Question) -> Section | None:
    """Return how soon each model reaches the target; None if no learning curve is stored."""
    found = time_to_target(evidence, question.target)
    if found is None or len(found.ways) < 2:
        return None
    sentences = [_target_sentence(found), *_first_sentence(found), *_miss_sentences(found)]
    sentences += _ratio_sentences(comparisons, found)
    return Section(
        "How soon each model reaches a target accuracy", tables=[_table(evidence, found)], sentences=sentences
    )


def _target_sentence(found: Targets) -> str:
    where = " on held-out images" if found.is_held_out else ""
    if not found.of_model:
        return f"The target is {found.percent:g} %{where}, as given by --target."
    seeds = f"the least of {count_noun(found.seeds, 'seed')}" if found.seeds > 1 else "n = 1"
    return (
        f"The target is {found.percent:.2f} %{where}, the final accuracy of {found.of_model}, the smallest model "
        f"({seeds}); --target gives another."
    )


def _first_sentence(found: Targets) -> list[str]:
    """Return which model is first, in time if all times are known, or that every model misses."""
    first = found.first
    if first is None:
        return ["Half or more of the seeds of every model miss it."]
    seconds, epochs = median(first.seconds) if first.has_all_times else None, median(first.epochs)
    parts = [] if seconds is None else [duration(seconds)]
    parts += [] if epochs is None else [count_noun(round(epochs, 1) if epochs % 1 else int(epochs), "epoch")]
    reached = f"{len(first.by_seed) - first.misses} of {len(first.by_seed)} seeds reach it"
    return [f"First: {first.model}, after {' and '.join(parts)} in the median; {reached}."]


def _miss_sentences(found: Targets) -> list[str]:
    missed = [f"{one.model} ({one.misses} of {len(one.by_seed)} seeds)" for one in found.ways if one.misses]
    return [f"Missed within the epochs trained: {listed(missed)}."] if missed else []


def _ratio_sentences(comparisons: Comparisons, found: Targets) -> list[str]:
    """Return the ratio of the times of the largest counterparts, if every seed of both arrives."""
    ways = {one.model: one for one in found.ways}
    pairs = [(one.model, one.other) for one in comparisons.counterparts if one.model in ways and one.other in ways]
    ratio = time_ratio(ways[pairs[-1][0]], ways[pairs[-1][1]]) if pairs else None
    if ratio is None:
        return []
    mean, *ends = (math.exp(end) for end in (ratio.mean, ratio.low, ratio.high) if end is not None)
    interval = f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else ""
    wide, deep = pairs[-1]
    return [f"{wide} takes {mean:.2f} times{interval} the time of {deep} to it, by seed, n = {ratio.n}."]


def _table(evidence: Evidence, found: Targets) -> Table:
    rows = [_values(evidence, one) for one in found.ways]
    columns = [
        model_column(),
        SEED_COUNT,
        Column("reach it", "reached"),
        Column("epochs", "epochs_median", "{:g}"),
        Column("least to most", "epochs_least", _range_cell("epochs", "{:g}".format)),
        Column("time", "seconds_median", lambda row: duration(row["seconds_median"])),
        Column("least to most", "seconds_least", _range_cell("seconds", duration)),
        Column("n of times", "timed_seeds"),
    ]
    accuracy = "accuracy on held-out images" if found.is_held_out else "evaluation accuracy"
    notes = (
        f"to {found.percent:.4g} %: the first epoch whose {accuracy} is at or above it. Median over seeds; a "
        f"seed that does not reach it within {count_noun(evidence.epochs, 'epoch')} is a miss and counts as later than "
        "all others: no median if half or more miss. Time: of all epochs up to then, of seeds whose epochs until then "
        "were undisturbed and timed under the same conditions",
    )
    title = f"{evidence.title}: epochs and time to {found.percent:.4g} %"
    return Table(f"{evidence.file_name}-targets", title, non_empty(columns, rows), tuple(rows), notes)


def _values(evidence: Evidence, one: Progress) -> dict[str, Any]:
    return {
        **model_row(evidence, one.model),
        "seeds": len(one.by_seed),
        "reached": len(one.by_seed) - one.misses,
        **_range_values("epochs", one.epochs),
        **_range_values("seconds", one.seconds),
        "timed_seeds": len(one.seconds) or None,
    }


def _range_values(name: str, values: Sequence[float]) -> dict[str, float | None]:
    """Return the median, the least and the most of values; None for a median or an end that is a miss."""
    ends = [value if math.isfinite(value) else None for value in (values[0], values[-1])] if values else [None, None]
    return {f"{name}_median": median(values), f"{name}_least": ends[0], f"{name}_most": ends[1]}


def _range_cell(name: str, form: Callable[[float], str]) -> Callable[[Row], str]:
    """Return the format of the least and the most of values, ``5 to 7``; the most may be a miss."""

    def cell(row: Row) -> str:
        least, most = row[f"{name}_least"], row[f"{name}_most"]
        ends = [form(least), "missed" if most is None else form(most)]
        return " to ".join(dict.fromkeys(ends))

    return cell
