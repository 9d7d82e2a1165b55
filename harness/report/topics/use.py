"""The section on the costs of using each network, and on how far MACs tell them."""

from collections.abc import Iterator
from itertools import combinations

from harness.analysis.answer import Question
from harness.analysis.comparison import Comparisons
from harness.analysis.equal_cost import TIMING_ERROR
from harness.analysis.evidence import COSTS, TIMES_OF_USE, Evidence
from harness.analysis.wording import COST_WORDS, MULTIPLE_WORDS
from harness.report.figures.accuracy_cost import accuracy_use_figure
from harness.report.section import Section
from harness.report.tables.use import use_table
from harness.text import listed


def use_section(evidence: Evidence, comparisons: Comparisons, _: Question) -> Section | None:
    """Return the costs of use of a study that measured them; None of an older one."""
    if not evidence.has_use_times:
        return None
    figure = accuracy_use_figure(evidence)
    return Section(
        "What using each network costs",
        [] if figure is None else [figure],
        [use_table(evidence)],
        [*_pair_sentences(comparisons), *_order_sentences(evidence), *_missing_sentences(comparisons.evidence)],
    )


def _pair_sentences(comparisons: Comparisons) -> Iterator[str]:
    """Yield the costs of the dearest counterparts as multiples: MACs and times can disagree."""
    if not comparisons.counterparts:
        return
    evidence, pair = comparisons.evidence, comparisons.counterparts[-1]
    found = {one: (evidence.mean(pair.model, one), evidence.mean(pair.other, one)) for one in COSTS}
    multiples = [
        f"{wide.mean / deep.mean:.2f} times the {MULTIPLE_WORDS[measure]}"
        for measure, (wide, deep) in found.items()
        if wide is not None and deep is not None and deep.mean > 0
    ]
    yield f"{pair.model} against {pair.other}: {listed(multiples)}."


def _order_sentences(evidence: Evidence) -> Iterator[str]:
    """Yield how often MACs name the cheaper of two models whose times differ by more than their error.

    Equal MACs name neither.
    """
    for measure in TIMES_OF_USE:
        known = {model: mean.mean for model in evidence.models if (mean := evidence.mean(model, measure)) is not None}
        macs = {model: mean.mean for model in known if (mean := evidence.mean(model, "macs")) is not None}
        pairs = [
            (one, other)
            for one, other in combinations(macs, 2)
            if macs[one] != macs[other] and not 1 / TIMING_ERROR <= known[one] / known[other] <= TIMING_ERROR
        ]
        right = sum((known[one] < known[other]) == (macs[one] < macs[other]) for one, other in pairs)
        if pairs:
            yield (
                f"MACs name the cheaper of two models in {right} of {len(pairs)} pairs whose {COST_WORDS[measure]} "
                f"differs by more than {100 * TIMING_ERROR - 100:.0f} %."
            )


def _missing_sentences(evidence: Evidence) -> Iterator[str]:
    for measure, reason in evidence.missing_use_times.items():
        yield f"No verdict at equal {COST_WORDS[measure]}: {reason}."
