"""The answer to the question, in sentences: wider or deeper, by how much, and how certain."""

from dataclasses import dataclass

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.equal_cost import compare_at_equal_cost
from harness.analysis.evidence import Evidence, Measure
from harness.analysis.pareto import models_on_front
from harness.analysis.stats import is_significant
from harness.analysis.true_gain import Threshold, thresholds
from harness.analysis.wording import COST_WORDS, difference_text, short_name, significance_text
from harness.text import count, count_noun, duration

FEW_SEEDS = 5


@dataclass(frozen=True)
class Answer:
    """A study's answer in words.

    Attributes:
        headline: the study's title and the verdict.
        sentences: the numbers behind the verdict and the cautions, the most important first.
    """

    headline: str
    sentences: tuple[str, ...]


def answer(evidence: Evidence, comparisons: Comparisons) -> Answer:
    """Answer in words which choice is more accurate in a study, wider or deeper."""
    axes, name = evidence.axes, evidence.title
    if axes is None:
        reason = "no two models that differ in depth or width alone"
        if evidence.incomplete and not evidence.runs:
            reason = "no training completed"
        return Answer(f"{name}: {reason}", tuple(_cautions(evidence, comparisons)))
    pairs = [comparisons.of(*pair) for pair in axes.counterparts]
    known = [pair for pair in pairs if pair is not None]
    sentences = [_counterparts_sentence(pair) for pair in reversed(known)]
    sentences += [_threshold_sentence(one) for one in thresholds(evidence, comparisons)]
    sentences += _equal_cost_sentences(evidence)
    sentences += _front_sentence(evidence)
    sentences += _cautions(evidence, comparisons)
    return Answer(f"{name}: {_headline(known)}", tuple(sentences))


def _headline(pairs: list[Comparison]) -> str:
    """Return the verdict of the counterparts: wider, deeper, it depends, or no significant difference."""
    if not pairs:
        return "no wider and deeper model at an equal scale factor to compare"
    wider = [short_name(pair.model) for pair in pairs if pair.is_better]
    deeper = [short_name(pair.other) for pair in pairs if pair.is_distinguishable and not pair.is_better]
    remarks = ["one seed"] if any(len(pair.seeds) == 1 for pair in pairs) else []
    if wider and deeper:
        verdict = f"it depends: wider pays at {' and '.join(wider)}, deeper at {' and '.join(deeper)}"
    elif wider or deeper:
        is_everywhere = len(wider or deeper) == len(pairs)
        verdict = ("wider" if wider else "deeper") + ("" if is_everywhere else f", at {' and '.join(wider or deeper)}")
    else:
        verdict, ahead = "no significant difference", pairs[-1].difference.estimate
        if abs(ahead) > 1e-9:
            remarks.insert(0, f"{'wider' if ahead > 0 else 'deeper'} is ahead")
    return f"{verdict} ({'; '.join(remarks)})" if remarks else verdict


def _counterparts_sentence(pair: Comparison) -> str:
    wide, deep, test = (
        short_name(pair.model),
        short_name(pair.other),
        significance_text(pair.difference, pair.p_holm),
    )
    difference = difference_text(pair.difference.interval)
    if not pair.is_distinguishable:
        return f"Wider {wide} over deeper {deep}: {difference}, no significant difference ({test})."
    better, worse = (wide, deep) if pair.is_better else (deep, wide)
    return f"{better} is more accurate than {worse}; wider over deeper: {difference} ({test})."


def _threshold_sentence(threshold: Threshold) -> str:
    axis, steps = threshold.axis.capitalize(), threshold.steps
    if threshold.at is None:
        return f"{axis}: every step up to {short_name(steps[-1].model)} pays."
    step = next((one for one in steps if one.model == threshold.at), None)
    if step is None:
        return f"{axis}: the step to {short_name(threshold.at)} was not measured."
    before, model, difference = (
        short_name(step.other),
        short_name(step.model),
        difference_text(step.difference.interval),
    )
    if step.is_distinguishable:
        return f"{axis} stops paying at {model}: the step from {before}, {difference}, is a loss; {threshold.word}."
    return f"{axis} is not shown to pay beyond {before}: the step to {model}, {difference}, is not significant."


def _equal_cost_sentences(evidence: Evidence) -> list[str]:
    """Return, for each kind of cost, the comparison at the highest cost."""
    sentences, found = [], compare_at_equal_cost(evidence)
    for measure, words in COST_WORDS.items():
        of_measure = [one for one in found if one.measure == measure]
        if not of_measure:
            continue
        one = max(of_measure, key=lambda one: one.cost)
        cost = duration(one.cost) if measure == "total_seconds" else count(one.cost)
        doubt = "" if is_significant(one.p_holm) or one.p_holm is None else ", no significant difference"
        difference = (
            f"{difference_text(one.difference.interval)}{doubt} ({significance_text(one.difference, one.p_holm)})"
        )
        sentences.append(
            f"At the {words} of {short_name(one.model)} ({cost}) width is at {one.wide_percent:.2f} %, depth at "
            f"{one.deep_percent:.2f} %: {difference}."
        )
    return sentences


def _front_sentence(evidence: Evidence) -> list[str]:
    measure: Measure = "total_seconds" if evidence.has_comparable_times else "macs"
    front = [short_name(one.model) for one in models_on_front(evidence, measure)]
    return [f"Worth their {COST_WORDS[measure]} (Pareto front of means): {', '.join(front)}."] if front else []


def _cautions(evidence: Evidence, comparisons: Comparisons) -> list[str]:
    """Return the limits of the evidence: few seeds, missing pairs, incomplete results, different hardware."""
    sentences = []
    models, counts = len(evidence.models), [len(one.seeds) for one in comparisons.all]
    if unpaired := models * (models - 1) // 2 - len(counts):
        sentences.append(f"Not compared: {count_noun(unpaired, 'pair')} of models that have no seed in common.")
    if of_one := counts.count(1):
        some = "" if of_one == len(counts) else f"{of_one} of {len(counts)} comparisons are of one seed. "
        sentences.append(
            f"{some}One seed compares these trained networks, not width with depth: another seed may reverse small "
            "differences."
        )
    fewest = min((count for count in counts if count > 1), default=FEW_SEEDS)
    if fewest < FEW_SEEDS:
        sentences.append(
            f"With {count_noun(fewest, 'seed')} per comparison only differences of several times the spread between "
            "seeds are significant; no significant difference does not mean equal."
        )
    sentences += _left_out(evidence)
    if not evidence.has_comparable_times:
        sentences.append(f"Times are not compared: {'; '.join(evidence.hardware)}.")
    return sentences


def _left_out(evidence: Evidence) -> list[str]:
    """Return a sentence on the results that did not complete, if any."""
    if not evidence.incomplete:
        return []
    kinds = sorted({result.status.replace("_", " ") for result in evidence.incomplete})
    left_out = f"Left out: {count_noun(len(evidence.incomplete), 'result')} without an accuracy ({', '.join(kinds)})"
    return [
        f"{left_out}; means of their models are over the seeds that completed." if evidence.runs else f"{left_out}."
    ]
