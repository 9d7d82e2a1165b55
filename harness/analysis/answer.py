"""The answer to the question, in sentences: which choice pays, by how much, and how sure one can be."""

from dataclasses import dataclass

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.evidence import Evidence, Measure
from harness.analysis.gain import Threshold, thresholds
from harness.analysis.tradeoff import at_equal_cost, pareto_front
from harness.analysis.words import points, short, tested, title_of
from harness.stats import SIGNIFICANCE, holm
from harness.text import count, duration, several

FEW_SEEDS = 5
_COSTS: dict[Measure, str] = {"total_seconds": "training time", "params": "parameters", "macs": "MACs"}


@dataclass(frozen=True)
class Answer:
    """A study's answer.

    Attributes:
        headline: in a few words.
        sentences: with the numbers, the most important first.
    """

    headline: str
    sentences: tuple[str, ...]


def answer(evidence: Evidence, comparisons: Comparisons) -> Answer:
    """What a study says: wider or deeper?"""
    axes, name = evidence.axes, title_of(evidence.title)
    if axes is None:
        return Answer(f"{name}: no two models that differ in depth or width alone", ())
    pairs = [comparisons.of(*pair) for pair in axes.counterparts]
    known = [pair for pair in pairs if pair is not None]
    sentences = [_counterparts_sentence(pair) for pair in reversed(known)]
    sentences += [_threshold_sentence(one, evidence) for one in thresholds(evidence, comparisons)]
    sentences += _equal_cost_sentences(evidence)
    sentences += _front_sentence(evidence)
    sentences += _caution(evidence, comparisons)
    return Answer(f"{name}: {_headline(known)}", tuple(sentences))


def _headline(pairs: list[Comparison]) -> str:
    """In a word what the models at equal scale factors say."""
    if not pairs:
        return "nothing to set width and depth against each other"
    wider = [short(pair.model) for pair in pairs if pair.is_better]
    deeper = [short(pair.other) for pair in pairs if pair.is_distinguishable and not pair.is_better]
    if wider and deeper:
        return f"it depends: wider pays at {' and '.join(wider)}, deeper at {' and '.join(deeper)}"
    if not wider and not deeper:
        ahead = "wider" if pairs[-1].difference.estimate > 0 else "deeper"
        is_even = abs(pairs[-1].difference.estimate) < 1e-9
        return "cannot be told from chance" + ("" if is_even else f" ({ahead} is ahead)")
    of_all = len(wider or deeper) == len(pairs)
    return ("wider" if wider else "deeper") + ("" if of_all else f", at {' and '.join(wider or deeper)}")


def _counterparts_sentence(pair: Comparison) -> str:
    wide, deep, how = short(pair.model), short(pair.other), tested(pair.difference, pair.p_holm)
    difference = points(pair.difference.interval)
    if not pair.is_distinguishable:
        return f"Wider {wide} over deeper {deep}: {difference}, not to be told from chance ({how})."
    better, worse = (wide, deep) if pair.is_better else (deep, wide)
    return f"{better} is more accurate than {worse}; wider over deeper: {difference} ({how})."


def _threshold_sentence(threshold: Threshold, evidence: Evidence) -> str:
    axis, steps = threshold.axis.capitalize(), threshold.steps
    if threshold.at is None:
        return f"{axis}: every step up to {short(steps[-1].model)} pays."
    step = next(one for one in steps if one.model == threshold.at)
    difference, fate = points(step.difference.interval), "is a gain that cannot be told from zero"
    if step.is_distinguishable:
        fate = f"is a loss: {short(step.model)} is {threshold.word}"
    elif step.difference.estimate <= 0:
        fate = f"gains nothing: {short(step.model)} is {threshold.word}, as far as can be told"
    return f"{axis} stops paying at {short(step.model)}: the step from {short(step.other)}, {difference}, {fate}."


def _equal_cost_sentences(evidence: Evidence) -> list[str]:
    """At each cost, the widest model that depth can be set against."""
    rows = at_equal_cost(evidence)
    corrected = dict(zip(map(id, rows), holm([row.difference.p_value for row in rows]), strict=True))
    sentences = []
    for measure, words in _COSTS.items():
        of_measure = [row for row in rows if row.measure == measure]
        if of_measure:
            row = max(of_measure, key=lambda row: row.cost)
            p_holm = corrected[id(row)]
            sure = "" if p_holm is not None and p_holm < SIGNIFICANCE else ", not to be told from chance"
            cost = duration(row.cost) if measure == "total_seconds" else count(row.cost)
            sentences.append(
                f"At the {words} of {short(row.model)} ({cost}), width is at {row.accuracy_percent:.2f} %, depth at "
                f"{row.depth_accuracy_percent:.2f} %: {points(row.difference.interval)}{sure}."
            )
    return sentences


def _front_sentence(evidence: Evidence) -> list[str]:
    measure: Measure = "total_seconds" if evidence.has_comparable_times else "macs"
    front = [short(one.model) for one in pareto_front(evidence, measure) if one.beaten_by is None]
    return [f"Worth their {_COSTS[measure]} (Pareto front of means): {', '.join(front)}."] if front else []


def _caution(evidence: Evidence, comparisons: Comparisons) -> list[str]:
    """What a careful reader has to know."""
    sentences = []
    fewest = min((len(one.seeds) for one in comparisons.all), default=0)
    models = len(evidence.models)
    if unpaired := models * (models - 1) // 2 - len(comparisons.all):
        sentences.append(f"Not compared: {several(unpaired, 'pair')} of models that have no seed in common.")
    if fewest == 1:
        sentences.append("One seed leaves no interval: another seed may well turn small differences round.")
    elif fewest < FEW_SEEDS:
        sentences.append(
            f"{several(fewest, 'seed')} are few: a difference has to be several times the seeds' spread to be told "
            "from chance, and what cannot be told is not shown to be equal."
        )
    if evidence.incomplete:
        kinds = sorted({result.status.replace("_", " ") for result in evidence.incomplete})
        sentences.append(
            f"Left out: {several(len(evidence.incomplete), 'result')} without an accuracy ({', '.join(kinds)}); means "
            "of their models are over the seeds that completed."
        )
    if not evidence.has_comparable_times:
        sentences.append(f"Times are not compared: {'; '.join(evidence.hardware)}.")
    return sentences
