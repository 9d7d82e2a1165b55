"""Contradictions between the sentences, tables and claims of one study: none may exist."""

from collections import defaultdict
from collections.abc import Iterator

from harness.analysis.answer import Answer, Question, answer
from harness.analysis.axes import Axes
from harness.analysis.budgets import BudgetVerdict
from harness.analysis.claim_verdicts import judge_claims
from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.equal_cost import dearest, equal_costs
from harness.analysis.evidence import Evidence
from harness.analysis.power import Spread
from harness.analysis.stats import SIGNIFICANCE
from harness.analysis.thresholds import thresholds
from harness.analysis.wording import COST_WORDS, comparison_p_text
from harness.paper.claims import Greater
from harness.report.tables.answer import answer_tables
from tests.analysis.judging import claim_study

QUESTION = Question(Spread(0.3, is_measured=False))
OPPOSITE = {"supported": "contradicted", "contradicted": "supported"}


def contradictions(evidence: Evidence) -> list[str]:
    """Return every contradiction within a study's answer, tables and claims, in words."""
    comparisons = Comparisons(evidence)
    given = answer(comparisons, evidence, QUESTION)
    tables = {
        table.file_name.removeprefix(f"{evidence.file_name}-"): table.rows
        for table in answer_tables(evidence, comparisons, given.verdicts)
    }
    return [
        *_of_comparisons(comparisons),
        *(line for one in given.verdicts for line in _of_verdict(one, comparisons)),
        *_of_headline(given),
        *_of_p_values(comparisons, given, tables),
        *_of_equal_costs(comparisons, given, tables.get("equal-cost", ())),
        *_of_thresholds(comparisons, given),
        *_of_claims(evidence, comparisons),
    ]


def _excludes_zero(interval) -> bool:
    return interval.low is not None and not interval.low <= 0 <= interval.high


def _of_comparisons(comparisons: Comparisons) -> Iterator[str]:
    for one in comparisons.all:
        if _excludes_zero(one.interval) and one.p_value >= SIGNIFICANCE:
            yield f"{one.model} over {one.other}: the interval excludes 0, p = {one.p_value}"
        if (one.p_value is None) != (one.interval.low is None):
            yield f"{one.model} over {one.other}: p = {one.p_value}"


def _of_verdict(one: BudgetVerdict, comparisons: Comparisons) -> Iterator[str]:
    """Yield contradictions between a verdict's word and its numbers."""
    name, is_inside = f"{one.budget} {one.outcome}", False
    if one.equality_interval is not None:
        is_inside = -one.margin < one.equality_interval.low and one.equality_interval.high < one.margin
    is_significant = one.p_value is not None and one.p_value < SIGNIFICANCE
    if _excludes_zero(one.interval) and not is_significant:
        yield f"{name}: the interval excludes 0, p = {one.p_value}"
    if is_significant != (one.winner is not None):
        yield f"{name}: p = {one.p_value}"
    if one.winner is not None and one.outcome != ("wider" if one.interval.mean > 0 else "deeper"):
        yield f"{name}: wider − deeper is {one.interval.mean}"
    if (one.outcome == "equal") != (is_inside and not is_significant):
        yield f"{name}: {one.equality_interval} of ±{one.margin}"
    if one.outcome == "one run each" and one.p_value is not None:
        yield f"{name}: p = {one.p_value}"
    if one.take is not None and not _is_of_the_right_side(one, comparisons.evidence.axes):
        yield f"{name}: take {one.take}"


def _is_of_the_right_side(one: BudgetVerdict, axes: Axes) -> bool:
    """Return whether the model to take is not one of the side that loses."""
    sides = {"wider": ("width",), "deeper": ("depth",), "equal": ("width", "depth")}.get(one.outcome, ())
    return any(one.take in axes.along(side) for side in sides)


def _of_headline(given: Answer) -> Iterator[str]:
    for word in ("wider", "deeper"):
        if (f"go {word}" in given.headline) != any(one.outcome == word for one in given.verdicts):
            yield f"headline: {given.headline}"
    if "No answer" in given.headline and any(one.is_decided for one in given.verdicts):
        yield f"headline: {given.headline}"


def _of_p_values(comparisons: Comparisons, given: Answer, tables: dict) -> Iterator[str]:
    """Yield pairs of models with more than one corrected p-value."""
    found = defaultdict(set)
    for one in comparisons.all:
        found[frozenset((one.model, one.other))].add((one.p_alone, one.p_value))
    for name in ("differences", "thresholds", "true-gain"):
        for row in tables.get(name, ()):
            found[frozenset((row["model"], row["other"]))].add((row["p_value"], row["p_holm"]))
    for one in given.verdicts:
        if one.wide.model and one.deep.model:
            found[frozenset((one.wide.model, one.deep.model))].add((one.p_alone, one.p_value))
    for pair, p_values in found.items():
        if len(p_values) > 1:
            yield f"{' and '.join(sorted(pair))}: p = {sorted(p_values)}"


def _of_equal_costs(comparisons: Comparisons, given: Answer, rows) -> Iterator[str]:
    """Yield budgets whose row in the table of equal costs differs from the verdict."""
    verdicts = {one.budget: one for one in given.verdicts}
    for measure, point in dearest(equal_costs(comparisons.evidence)).items():
        one = verdicts[measure]
        (row,) = [row for row in rows if (row["cost"], row["model"]) == (COST_WORDS[measure], point.model)]
        expected = (one.interval.mean, one.interval.low, one.interval.high, one.p_alone, one.p_value)
        keys = ("difference_points", "difference_points_low", "difference_points_high", "p_value", "p_corrected")
        if tuple(row[key] for key in keys) != expected:
            yield f"equal {measure}: the table has {row}"


def _of_thresholds(comparisons: Comparisons, given: Answer) -> Iterator[str]:
    """Yield sentences on thresholds that the differences deny."""
    axes, sentences = comparisons.evidence.axes, " ".join(given.sentences)
    for one in thresholds(comparisons):
        models = axes.along(one.axis)
        above = {
            model: any(_is_above(comparisons.of(later, model)) for later in models[place + 1 :])
            for place, model in enumerate(models)
        }
        expected = None if comparisons.fit is None else next(model for model in models if not above[model])
        if one.at != expected:
            yield f"{one.axis}: the threshold is {one.at}, the differences say {expected}"
        if one.at and f" beyond {one.at}" not in sentences and f" up to {one.at}" not in sentences:
            yield f"{one.axis}: the threshold is {one.at}, the sentences say {sentences}"


def _is_above(one: Comparison | None) -> bool:
    return one is not None and one.is_better


def _of_claims(evidence: Evidence, comparisons: Comparisons) -> Iterator[str]:
    """Yield claims on the accuracy of two models whose verdict or p-value differs from their comparison's."""
    for judgement in judge_claims({evidence.dataset: claim_study(evidence)}):
        for statement, finding in zip(judgement.claim.statements, judgement.findings, strict=True):
            if not isinstance(statement, Greater) or statement.quantity != "accuracy_percent":
                continue
            one = comparisons.of(statement.model, statement.other)
            if one is None or statement.dataset != evidence.dataset:
                continue
            said = "supported" if one.is_better else "contradicted"
            if (said if one.is_significant else "") != _direction(finding.verdict):
                yield f"{judgement.claim.name}: {finding.verdict}, {comparison_p_text(one)}"
            if comparison_p_text(one) not in finding.numbers:
                yield f"{judgement.claim.name}: {finding.numbers}, not {comparison_p_text(one)}"


def _direction(verdict: str) -> str:
    """Return the first word of a verdict if it says which model is above; else nothing."""
    return next((word for word in OPPOSITE if verdict.startswith(word)), "")
