"""Verdicts of the budgets: wider or deeper at equal training time, size, time of use and scale factor.

Each budget has one contrast, wide minus deep, at the dearest cost that both axes reach; all are estimated by one fit.
They are corrected by the joint multivariate t of all budgets, which are strongly correlated. The scale factor is the
paper's question, and the primary test: its p-value is that of its pair among the counterparts (Holm), and so is that of
every budget at which the same pair is compared.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from harness.analysis.axes import Axis
from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.equal_cost import dearest, difference_of, equal_costs
from harness.analysis.evidence import COSTS, Evidence, Measure
from harness.analysis.fit import Contrast, StudyFit, Weights
from harness.analysis.multiplicity import Joint
from harness.analysis.stats import CONFIDENCE, SIGNIFICANCE, Interval

Budget = Literal["total_seconds", "params", "macs", "latency_seconds", "image_seconds", "scale_factor"]
BUDGETS: tuple[Budget, ...] = get_args(Budget)
Outcome = Literal["wider", "deeper", "equal", "no significant difference", "one run each"]
MARGIN_POINTS = 0.5
"""Differences inside ± this many percentage points count as equal, unless ``--margin`` gives another number."""
_ROUNDING_POINTS = 1e-9  # accuracies that are equal can differ by less, computed in another order
AFFORDABLE = 1.1
"""A model that costs at most this many times the budget is within it."""
_PRICES: tuple[Measure, ...] = ("total_seconds", "macs", "params")
"""The costs that say which of two sides or models is cheaper: the first that is known and not the budget.

Latency and throughput are not among them: they may contradict each other, and MACs and parameters are exact.
"""


@dataclass(frozen=True)
class Side:
    """Width or depth at a budget.

    Attributes:
        weights: the models whose weighted mean it is: one model, or two that enclose the budget.
        accuracy_percent: the mean accuracy at the budget.
        costs: the known costs there, interpolated on their logarithm as the budget is; without times that are unknown
            or not comparable.
        has_models_between: True if the family has models between the two that enclose the budget.
    """

    weights: Weights
    accuracy_percent: float
    costs: Mapping[Measure, float]
    has_models_between: bool = False

    @property
    def model(self) -> str | None:
        """The one model of this side; None if the side is interpolated."""
        return next(iter(self.weights)) if len(self.weights) == 1 else None


@dataclass(frozen=True)
class BudgetVerdict:
    """The verdict for one budget.

    Attributes:
        cost: the budget: training seconds, parameters, MACs, seconds of one image alone (latency) or in a batch
            (throughput), or the scale factor, the wide model's ω over the base's; the number of the step if `is_step`.
        interval: wide minus deep in percentage points, with its simultaneous interval; without ends if untested.
        margin: differences inside ± margin percentage points count as equal.
        equality_interval: the 1 − 2α interval, usually 90 %, that must lie inside ± margin; None if untested.
        p_alone, p_value: of this contrast alone, and corrected; None if untested.
        correction: the correction in words, for example ``Holm over 2 pairs``; empty if there is only one test.
        no_worse: the cheaper side, if it is shown to be worse by no more than the margin; None otherwise.
        take: the model to take, of equal ones the cheaper; None if there is no reason to take one.
        is_step: True if the models of given axes have no scale factor, so that equal steps are compared.
    """

    budget: Budget
    cost: float
    wide: Side
    deep: Side
    outcome: Outcome
    interval: Interval
    margin: float
    equality_interval: Interval | None = None
    p_alone: float | None = None
    p_value: float | None = None
    correction: str = ""
    no_worse: Literal["wide", "deep"] | None = None
    take: str | None = None
    is_step: bool = False

    @property
    def contrast(self) -> Weights:
        """The weights of wide minus deep."""
        return difference_of(self.wide.weights, self.deep.weights)

    @property
    def is_decided(self) -> bool:
        """True if one is better, or both are equal within the margin."""
        return self.outcome in ("wider", "deeper", "equal")

    @property
    def winner(self) -> Side | None:
        """The side that is significantly better; None if none is."""
        return {"wider": self.wide, "deeper": self.deep}.get(self.outcome)

    @property
    def cheaper(self) -> Literal["wide", "deep"]:
        """The side that costs less: of time, MACs and parameters, the first that is known and not the budget."""
        return _cheaper(self.wide, self.deep, self.budget)


def are_decided(verdicts: Iterable[BudgetVerdict]) -> bool:
    """Return whether every budget is decided; false without a verdict."""
    found = list(verdicts)
    return bool(found) and all(one.is_decided for one in found)


def budget_verdicts(
    evidence: Evidence, *, margin: float = MARGIN_POINTS, alpha: float = SIGNIFICANCE
) -> tuple[BudgetVerdict, ...]:
    """Return a study's verdicts, in the order of `BUDGETS`.

    A budget is missing if no wider and deeper model reach a common cost, or if times were measured on different
    hardware; latency and throughput also if a run has none that is undisturbed.
    """
    return verdicts_of(Comparisons(evidence, alpha), margin)


def verdicts_of(comparisons: Comparisons, margin: float = MARGIN_POINTS) -> tuple[BudgetVerdict, ...]:
    """Return the verdicts of compared models; see `budget_verdicts`."""
    open_verdicts = _untested(comparisons, margin)
    tested = open_verdicts
    if comparisons.fit is not None:
        tested = _tested(comparisons, comparisons.fit, open_verdicts)
    return tuple(replace(one, take=_model_to_take(comparisons, one)) for one in tested)


def _untested(comparisons: Comparisons, margin: float) -> list[BudgetVerdict]:
    """Return a verdict for each budget with a common cost, before any test."""
    evidence = comparisons.evidence
    points: list[tuple[Budget, float, Weights, Weights]] = [
        (measure, one.cost, one.wide, one.deep)  # type: ignore[misc]  # COSTS are budgets
        for measure, one in dearest(equal_costs(evidence)).items()
    ]
    if evidence.axes is not None and comparisons.counterparts:
        wide, deep = comparisons.counterparts[-1].model, comparisons.counterparts[-1].other
        points.append(("scale_factor", evidence.axes.scales[wide], {wide: 1.0}, {deep: 1.0}))
    return [_untested_verdict(comparisons, margin, *point) for point in points]


def _untested_verdict(
    comparisons: Comparisons, margin: float, budget: Budget, cost: float, wide: Weights, deep: Weights
) -> BudgetVerdict:
    sides = _side(comparisons, wide), _side(comparisons, deep)
    counts = [len(comparisons.evidence.of(model)) for model in (*wide, *deep)]
    axes = comparisons.evidence.axes
    is_step = budget == "scale_factor" and axes is not None and axes.is_by_step
    difference = Interval(sides[0].accuracy_percent - sides[1].accuracy_percent, None, None, min(counts), CONFIDENCE)
    outcome: Outcome = "one run each" if min(counts) == 1 else "no significant difference"  # until a test is done
    return BudgetVerdict(budget, cost, *sides, outcome, difference, margin, is_step=is_step)


def _side(comparisons: Comparisons, weights: Weights) -> Side:
    def cost(measure: Measure) -> float | None:
        means = [comparisons.evidence.mean(model, measure) for model in weights]
        logarithms = [math.log(mean.mean) for mean in means if mean is not None and mean.mean > 0]
        if len(logarithms) < len(means):
            return None
        return math.exp(sum(weight * log for weight, log in zip(weights.values(), logarithms, strict=True)))

    accuracy = sum(weight * comparisons.mean(model) for model, weight in weights.items())
    has_between = len(weights) == 2 and comparisons.evidence.has_models_between(*weights)
    costs = {measure: known for measure in COSTS if (known := cost(measure)) is not None}
    return Side(weights, accuracy, costs, has_between)


def _tested(comparisons: Comparisons, fit: StudyFit, verdicts: list[BudgetVerdict]) -> list[BudgetVerdict]:
    """Return the verdicts with their tests; one run each stays untested."""
    weights = [one.contrast for one in verdicts]
    contrasts = fit.contrasts(weights)
    family = [weights[k] for k, one in enumerate(contrasts) if one.t is not None]
    if not family:
        return verdicts
    joint = Joint(fit.correlation(family), min(one.df for one in contrasts if one.t is not None), comparisons.alpha)
    found = []
    for verdict, contrast in zip(verdicts, contrasts, strict=True):
        pair = _counterparts_of(comparisons, verdict)
        tested = _with_joint_test(verdict, contrast, joint) if pair is None else _with_pair(verdict, pair)
        found.append(_with_outcome(tested, contrast, joint.alpha))
    return found


def _counterparts_of(comparisons: Comparisons, verdict: BudgetVerdict) -> Comparison | None:
    """Return the counterpart pair that a verdict is about, so that a pair has one p-value everywhere."""
    pairs = {(one.model, one.other): one for one in comparisons.counterparts}
    return pairs.get((verdict.wide.model or "", verdict.deep.model or ""))


def _with_pair(verdict: BudgetVerdict, pair: Comparison) -> BudgetVerdict:
    """Return the verdict on a counterpart pair with the pair's own test, as everywhere else in the report."""
    return replace(
        verdict, interval=pair.interval, p_alone=pair.p_alone, p_value=pair.p_value, correction=pair.correction
    )  # fmt: skip


def _with_joint_test(verdict: BudgetVerdict, contrast: Contrast, joint: Joint) -> BudgetVerdict:
    if contrast.t is None or contrast.standard_error is None:
        return verdict
    half = joint.critical_value * contrast.standard_error
    low, high = contrast.estimate - half, contrast.estimate + half
    return replace(
        verdict,
        interval=Interval(contrast.estimate, low, high, verdict.interval.n, 1 - joint.alpha),
        p_alone=contrast.p_value,
        p_value=joint.p_value(contrast.t),
        correction=f"joint over {joint.size} budgets" if joint.size > 1 else "",
    )


def _with_outcome(verdict: BudgetVerdict, contrast: Contrast, alpha: float) -> BudgetVerdict:
    """Return the verdict with its outcome: a significant difference comes before equality."""
    low, high = contrast.interval(2 * alpha)
    if low is None or high is None:
        return verdict
    outcome: Outcome = "no significant difference"
    if verdict.p_value is not None and verdict.p_value < alpha:
        outcome = "wider" if contrast.estimate > 0 else "deeper"
    elif -verdict.margin < low and high < verdict.margin:
        outcome = "equal"
    worse_by_no_more = {"wide": low > -verdict.margin, "deep": high < verdict.margin}
    no_worse = verdict.cheaper if worse_by_no_more[verdict.cheaper] else None
    equality = Interval(contrast.estimate, low, high, verdict.interval.n, 1 - 2 * alpha)
    return replace(verdict, outcome=outcome, equality_interval=equality, no_worse=no_worse)


def _cheaper(wide: Side, deep: Side, budget: Budget) -> Literal["wide", "deep"]:
    for measure in _PRICES:
        of_wide, of_deep = wide.costs.get(measure), deep.costs.get(measure)
        if measure != budget and of_wide is not None and of_deep is not None and of_wide != of_deep:
            return "wide" if of_wide < of_deep else "deep"
    return "deep"


def _model_to_take(comparisons: Comparisons, verdict: BudgetVerdict) -> str | None:
    """Return the model to take within the budget; None if there is no verdict or no safe choice."""
    if not verdict.is_decided:
        return None
    sides = (verdict.wide, verdict.deep) if verdict.winner is None else (verdict.winner,)
    models = [model for side in sides if (model := _model_within(comparisons, verdict, side)) is not None]
    return min(models, key=_price_of(comparisons.evidence, verdict, models), default=None)


def _price_of(evidence: Evidence, verdict: BudgetVerdict, models: Sequence[str]) -> Callable[[str], list[float]]:
    """Return a function of a model's costs but the budget, the most important known one first."""
    measures = [one for one in _PRICES if one != verdict.budget and all(evidence.mean(model, one) for model in models)]
    return lambda model: [mean.mean for one in measures if (mean := evidence.mean(model, one)) is not None]


def takes_the_cheaper(evidence: Evidence, verdict: BudgetVerdict) -> bool:
    """Return whether the model to take costs less than the other side's dearest within the budget."""
    if verdict.take is None:
        return False
    others = [
        model for side in (verdict.wide, verdict.deep) if verdict.take not in side.weights for model in side.weights
    ]
    within = [model for model in others if _is_affordable(evidence, verdict, model)]
    price_of = _price_of(evidence, verdict, [verdict.take, *within])
    return any(price_of(verdict.take) < price_of(model) for model in within)


def _is_affordable(evidence: Evidence, verdict: BudgetVerdict, model: str) -> bool:
    """Return whether a model is within the budget; at an equal scale factor both models are."""
    mean = None if verdict.budget == "scale_factor" else evidence.mean(model, verdict.budget)
    return mean is None or mean.mean <= AFFORDABLE * verdict.cost


def _model_within(comparisons: Comparisons, verdict: BudgetVerdict, side: Side) -> str | None:
    """Return a side's model of the budget; of an interpolated side its dearest one that the budget allows."""
    if side.model is not None:
        return side.model
    evidence, other = comparisons.evidence, verdict.deep if side is verdict.wide else verdict.wide
    axis: Axis = "width" if side is verdict.wide else "depth"
    models = () if evidence.axes is None else evidence.axes.along(axis)
    measure: Measure = verdict.budget  # type: ignore[assignment]  # a side at a scale factor is one model
    costs = {model: mean.mean for model in models if (mean := evidence.mean(model, measure)) is not None}
    affordable = [model for model in costs if _is_affordable(evidence, verdict, model)]
    best = max(affordable, key=costs.__getitem__, default=None)
    return best if best is not None and _is_good_enough(comparisons, verdict, best, other) else None


def _is_good_enough(comparisons: Comparisons, verdict: BudgetVerdict, model: str, other: Side) -> bool:
    """Return whether a model is not below the loser, or shown within the margin of equal ones."""
    if verdict.outcome != "equal" or comparisons.fit is None:
        return comparisons.mean(model) >= other.accuracy_percent - _ROUNDING_POINTS
    low, _ = comparisons.fit.contrast(difference_of({model: 1.0}, other.weights)).interval(2 * comparisons.alpha)
    return low is not None and low > -verdict.margin
