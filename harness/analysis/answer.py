"""The answer in words: what to take under which limit, how certain that is, and what would settle it."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.budgets import MARGIN_POINTS, BudgetVerdict, are_decided, takes_the_cheaper, verdicts_of
from harness.analysis.cautions import cautions
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import COSTS, Evidence, Measure, Run
from harness.analysis.new_images import error_with_new_images
from harness.analysis.pareto import models_on_front, models_worth_their_cost
from harness.analysis.power import Spread
from harness.analysis.sequential import SequentialPlan
from harness.analysis.settling import settle_texts
from harness.analysis.single_run import chances_text, one_run_headline, one_run_line
from harness.analysis.stats import SIGNIFICANCE
from harness.analysis.thresholds import Threshold, thresholds
from harness.analysis.tuned_verdicts import RateVerdicts, compare_verdicts, rates_line, seeds_in_common
from harness.analysis.wording import BUDGET_WORDS, COST_WORDS, cost_noun_text
from harness.paper.published import PUBLISHED
from harness.results.result import Result
from harness.text import count_noun, listed, listed_up_to, signed


@dataclass(frozen=True)
class Question:
    """The conditions of an answer, beside the evidence.

    Attributes:
        spread: the spread between seeds, for the power of the study.
        margin: differences inside ± margin percentage points count as equal.
        plan: the declared looks of sequential seeds; None for a study of a fixed number of seeds.
        target: accuracy in percent to which time is measured; None for the smallest model's.
        notes: lines on what the answer rests on, for example on cases that did not fit into a time budget.
    """

    spread: Spread
    margin: float = MARGIN_POINTS
    plan: SequentialPlan | None = None
    notes: tuple[str, ...] = ()
    target: float | None = None

    @property
    def alpha(self) -> float:
        """The level α of a test: a look's, if there are several."""
        return SIGNIFICANCE if self.plan is None else self.plan.level


@dataclass(frozen=True)
class Answer:
    """A study's answer.

    Attributes:
        headline: one sentence: what to take under which limit.
        verdicts: one for each budget at which the study can be compared.
        cautions: what a reader must know before using the answer.
        settle: what the study's seeds can detect, and what would settle what is open; empty if nothing is open.
        scope: the images that the answer holds for.
        sentences: further findings: where each axis stops paying, and which models are worth their cost.
        beside_paper: of a study without a verdict that was trained as published: its accuracies and the paper's.
        interim: ``interim, 3 of 5 seeds`` while planned seeds are missing; empty otherwise.
        brief: for a terminal, one line each: tuned learning rates, the chance of one run's difference, and `settle`.
        rates: each budget's verdict beside that at the recipe's own learning rate, of a study of tuned ones.
    """

    headline: str
    verdicts: tuple[BudgetVerdict, ...] = ()
    cautions: tuple[str, ...] = ()
    settle: str = ""
    scope: str = ""
    sentences: tuple[str, ...] = ()
    beside_paper: str = ""
    interim: str = ""
    brief: tuple[str, ...] = ()
    rates: tuple[RateVerdicts, ...] = ()


def answer(comparisons: Comparisons, evidence: Evidence, question: Question) -> Answer:
    """Answer which choice is more accurate at each budget, wider or deeper.

    Args:
        comparisons: of the evidence, at the level of the question's plan.
        evidence: the whole study, with models that are not trained out.
    """
    if shared := seeds_in_common(evidence):
        return Answer(_prefix(evidence, "") + _no_answer_with(shared))
    verdicts = verdicts_of(comparisons, question.margin)
    interim = _interim(evidence, verdicts, question.plan)
    settle, brief_settle = settle_texts(comparisons.evidence, verdicts, question.spread)
    chances = chances_text(comparisons.evidence, verdicts, question.spread)
    tuning, pairs = evidence.tuning, compare_verdicts(comparisons, verdicts, question.margin)
    rates = rates_line(pairs, tuning) if tuning is not None else ""
    return Answer(
        headline=_prefix(evidence, interim) + _headline(comparisons, evidence, verdicts, chances),
        verdicts=verdicts,
        cautions=cautions(comparisons, evidence, question.notes),
        settle=settle,
        scope=_scope(comparisons.evidence, verdicts),
        sentences=(
            *(_threshold_sentence(one) for one in thresholds(comparisons)),
            *_worth_sentences(comparisons),
        ),
        beside_paper="" if verdicts else _beside_paper(evidence),
        interim=interim,
        brief=tuple(filter(None, (rates, one_run_line(verdicts[-1], chances) if chances else "", brief_settle))),
        rates=pairs,
    )


def _no_answer_with(seeds: Sequence[int]) -> str:
    """Return why a study of tuned learning rates has no answer: these seeds chose the rates."""
    which = listed_up_to(list(map(str, seeds)), 3, "seed")
    return f"No answer: the learning rates were chosen on {which}, which may not be reported too: give other --seeds."


def _interim(evidence: Evidence, verdicts: Sequence[BudgetVerdict], plan: SequentialPlan | None) -> str:
    """Return the number of planned seeds; empty with all, or if a declared look decided every budget."""
    if plan is None or (are_decided(verdicts) and _is_at_look(evidence, verdicts, plan)):
        return ""
    seeds = _planned_seeds(evidence, plan)
    return f"interim, {len(seeds)} of {len(plan.seeds)} seeds" if len(seeds) < len(plan.seeds) else ""


def _is_at_look(evidence: Evidence, verdicts: Sequence[BudgetVerdict], plan: SequentialPlan) -> bool:
    """Return whether the verdicts' models all have the seeds of one declared look: no other may decide."""
    models = {model for one in verdicts for model in one.contrast}
    found = {frozenset(_planned_seeds(evidence, plan, model)) for model in models}
    return found in [{frozenset(plan.seeds[:look])} for look in plan.looks]


def _planned_seeds(evidence: Evidence, plan: SequentialPlan, model: str | None = None) -> set[int]:
    """Return the planned seeds that have a result, complete or not, of one model or of any."""
    results: list[Run | Result] = [*evidence.runs, *evidence.incomplete]
    return {one.seed for one in results if model in (None, one.model)} & set(plan.seeds)


def _prefix(evidence: Evidence, interim: str) -> str:
    """Return the words that a headline must begin with: shortened training, interim seeds."""
    parts = [f"Shortened to {count_noun(evidence.epochs, 'epoch')}"] if evidence.mode == "shortened" else []
    parts += [interim.capitalize()] if interim else []
    return f"{'; '.join(parts)}: " if parts else ""


def _headline(comparisons: Comparisons, evidence: Evidence, verdicts: Sequence[BudgetVerdict], chances: str) -> str:
    if not evidence.runs:
        return "No answer: no training completed." if evidence.incomplete else "No answer: there are no runs."
    if not verdicts:
        if comparisons.untrained:
            return "No answer: models are not trained out."
        if comparisons.evidence.axes is None and len(comparisons.evidence.models) > 1:
            base = f"base={comparisons.evidence.models[0]!r} and axes={{'depth': […], 'width': […]}}"
            return f"No answer: no model is a deeper or wider one of another. Give {base} in the experiment mark."
        return "No answer: no wider and deeper models of a common cost to compare."
    if chances:
        return one_run_headline(verdicts[-1], chances)
    groups: dict[tuple[str, str], list[BudgetVerdict]] = {}
    for one in sorted(verdicts, key=lambda one: not one.is_decided):
        groups.setdefault((one.outcome, _choice(one)), []).append(one)
    trained = comparisons.evidence
    return " ".join(_group_sentence(trained, one, is_all=len(one) == len(verdicts) > 1) for one in groups.values())


def _group_sentence(evidence: Evidence, group: Sequence[BudgetVerdict], *, is_all: bool) -> str:
    """Return a sentence for budgets that share outcome and model."""
    first, words = group[0], [BUDGET_WORDS[one.budget] for one in group]
    at = "At every budget" if is_all else f"At equal {listed(words)}"
    if not first.is_decided:
        return f"{at}: {'one run each, no answer' if first.outcome == 'one run each' else first.outcome}."
    if first.outcome == "equal":
        less = ", which costs less" if all(takes_the_cheaper(evidence, one) for one in group) else ""
        take = f": take {first.take}{less}" if first.take else ""
        return f"{at} they are equal within {first.margin:g} pp{take}."
    return f"{at} go {first.outcome}{': take' if has_choice(first) else ', but'} {_choice(first)}."


def _choice(verdict: BudgetVerdict) -> str:
    """Return the model to take, or the two between which it is, if any; empty if no model is better."""
    if verdict.take is None and verdict.winner is not None:
        names = listed(verdict.winner.weights)
        return f"a model between {names}" if has_choice(verdict) else f"there is no model between {names}"
    return verdict.take or ""


def has_choice(verdict: BudgetVerdict) -> bool:
    """Return whether there is a model of the better side to take, trained or not."""
    return verdict.take is not None or (verdict.winner is not None and verdict.winner.has_models_between)


def advice(verdict: BudgetVerdict) -> str:
    """Return what to do about a verdict."""
    if choice := _choice(verdict):
        return (
            f"Take {choice}." if has_choice(verdict) else f"{choice[0].upper()}{choice[1:]}, which enclose the budget."
        )
    if verdict.no_worse is not None:
        cheaper = verdict.wide if verdict.no_worse == "wide" else verdict.deep
        return f"The cheaper side, {listed(cheaper.weights)}, is worse by no more than {verdict.margin:g} pp."
    return ""


def costs_text(verdict: BudgetVerdict, evidence: Evidence, costs: Sequence[Measure] = COSTS) -> str:
    """Return the costs of the model to take, ``34s of training, 4.28M parameters, 40.15M MACs, 1.23 ms``."""
    if verdict.take is None:
        return ""
    means = {measure: evidence.mean(verdict.take, measure) for measure in costs}
    return ", ".join(cost_noun_text(measure, one.mean) for measure, one in means.items() if one is not None)


def _scope(evidence: Evidence, verdicts: Sequence[BudgetVerdict]) -> str:
    """Return the images that the verdicts hold for, and the error for new images if it is known."""
    if not verdicts:
        return ""
    text = f"On these {evidence.test_images:,} test images"
    last = verdicts[-1]
    error = error_with_new_images(evidence, last.contrast)
    if error is None:
        return f"{text}."
    return (
        f"{text}; for new images too, the standard error of the difference at equal {BUDGET_WORDS[last.budget]} is "
        f"{error:.2f} pp."
    )


def _beside_paper(evidence: Evidence) -> str:
    """Return the models' accuracies beside the paper's; empty if none was trained as published."""
    texts = []
    for model in evidence.models if evidence.is_trained_as_published else ():
        published, own = PUBLISHED.get((evidence.dataset, model)), evidence.mean(model, "accuracy_percent")
        if published is not None and own is not None:
            points = signed(own.mean - published.accuracy_percent, 2)
            texts.append(f"{model} {own.mean:.2f} % (the paper {published.accuracy_percent:.2f} %, {points} pp)")
    return f"Trained as published: {listed(texts)}." if texts else ""


def _threshold_sentence(threshold: Threshold) -> str:
    axis = threshold.axis.capitalize()
    if threshold.at is None:
        return f"{axis}: nothing can be tested, so it is open where it stops paying."
    if threshold.pays_to_the_end:
        return f"{axis} pays up to {threshold.last}, the last model measured."
    step = next(one.step for one in threshold.steps if one.model == threshold.at)
    sentence = f"{axis} is not shown to pay beyond {threshold.at}"
    if step.is_significant:  # and below: a step above would be shown to pay
        return f"{sentence}; the step to {step.model} is a loss: {threshold.word}."
    return f"{sentence}."


def _worth_sentences(comparisons: Comparisons) -> list[str]:
    """Return the models that are worth their training time, or MACs if times are not comparable."""
    evidence = comparisons.evidence
    measure: Measure = "total_seconds" if evidence.has_comparable_times else "macs"
    front = models_on_front(evidence, measure)
    if len(front) < 2 or comparisons.fit is None:
        return []
    worth = models_worth_their_cost(comparisons, measure)
    words = COST_WORDS[measure]
    if worth:
        their, each = ("their", ", each") if len(worth) > 1 else ("its", ",")
        return [f"Worth {their} {words}: {listed(worth)}{each} significantly above the next cheaper one on the front."]
    places = ", ".join(f"{one.model} in {one.seeds_on_front} of {one.seeds} seeds" for one in front[1:])
    return [f"No model is shown to be worth its {words}; on the front: {places}."]
