"""A verdict for each budget: wider or deeper at equal training time, parameters, MACs and scale factor.

Each budget has one contrast, wide minus deep, at the dearest cost that both axes reach; all are estimated by one fit.
The first three are corrected by the joint multivariate t of all budgets, which are strongly correlated. The scale
factor is the paper's question, and the primary test: its p-value is that of its pair among the counterparts (Holm).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.analysis.comparison import Comparison, Comparisons
from harness.analysis.equal_cost import dearest, difference_of, equal_costs
from harness.analysis.evidence import Evidence, Measure
from harness.analysis.fit import Contrast, StudyFit, Weights
from harness.analysis.multiplicity import joint_critical_value, joint_p_value
from harness.analysis.stats import SIGNIFICANCE, Interval
from harness.config.families import parse_model

Budget = Literal["total_seconds", "params", "macs", "scale_factor"]
Outcome = Literal["wider", "deeper", "equal", "no significant difference", "one run each"]
MARGIN_POINTS = 0.5
"""Differences inside ± this many percentage points count as equal, unless ``--margin`` gives another number."""
AFFORDABLE = 1.1
"""A model that costs at most this many times the budget is within it."""


@dataclass(frozen=True)
class Side:
    """Width or depth at a budget.

    Attributes:
        weights: the models whose weighted mean it is: one model, or two that enclose the budget.
        accuracy_percent: the mean accuracy at the budget.
        seconds, params, macs: the cost there; seconds are None if times are unknown or not comparable.
    """

    weights: Weights
    accuracy_percent: float
    seconds: float | None
    params: float
    macs: float

    @property
    def model(self) -> str | None:
        """The one model of this side; None if the side is interpolated."""
        return next(iter(self.weights)) if len(self.weights) == 1 else None


@dataclass(frozen=True)
class BudgetVerdict:
    """The verdict for one budget.

    Attributes:
        cost: the budget: training seconds, parameters, MACs, or the scale factor, the wide model's ω over the base's.
        interval: wide minus deep in percentage points, with its simultaneous interval; without ends if untested.
        margin: differences inside ± margin percentage points count as equal.
        equality_interval: the ends of the 90 % interval that must lie inside ± margin; None if untested.
        p_alone, p_value: of this contrast alone, and corrected; None if untested.
        correction: the correction in words, for example ``Holm over 2 pairs``; empty if there is only one test.
        no_worse: the cheaper side, if it is shown to be worse by no more than the margin; None otherwise.
        take: the model to take; None if there is no reason to take one.
    """

    budget: Budget
    cost: float
    wide: Side
    deep: Side
    outcome: Outcome
    interval: Interval
    margin: float
    equality_interval: tuple[float, float] | None = None
    p_alone: float | None = None
    p_value: float | None = None
    correction: str = ""
    no_worse: Literal["wide", "deep"] | None = None
    take: str | None = None

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
        """The side that costs less: time, or where time is the budget or unknown, MACs."""
        return _cheaper(self.wide, self.deep, self.budget)


def budget_verdicts(
    evidence: Evidence, *, margin: float = MARGIN_POINTS, alpha: float = SIGNIFICANCE
) -> tuple[BudgetVerdict, ...]:
    """Return a study's verdicts, in the order time, parameters, MACs, scale factor.

    A budget is missing if no wider and deeper model reach a common cost, or if times were measured on different
    hardware.
    """
    return verdicts_of(Comparisons(evidence, alpha), margin)


def verdicts_of(comparisons: Comparisons, margin: float = MARGIN_POINTS) -> tuple[BudgetVerdict, ...]:
    """Return the verdicts of compared models; see `budget_verdicts`."""
    open_verdicts = _untested(comparisons, margin)
    tested = open_verdicts
    if comparisons.fit is not None:
        tested = _tested(comparisons, comparisons.fit, open_verdicts)
    return tuple(replace(one, take=_model_to_take(comparisons.evidence, one)) for one in tested)


def _untested(comparisons: Comparisons, margin: float) -> list[BudgetVerdict]:
    """Return a verdict for each budget that the study can be asked about, before any test."""
    evidence = comparisons.evidence
    points: list[tuple[Budget, float, Weights, Weights]] = [
        (measure, one.cost, one.wide, one.deep)  # type: ignore[misc]  # COSTS are budgets
        for measure, one in dearest(equal_costs(evidence)).items()
    ]
    if comparisons.counterparts:
        pair = comparisons.counterparts[-1]
        points.append(("scale_factor", _scale_factor(evidence, pair), {pair.model: 1.0}, {pair.other: 1.0}))
    return [_untested_verdict(comparisons, margin, *point) for point in points]


def _untested_verdict(
    comparisons: Comparisons, margin: float, budget: Budget, cost: float, wide: Weights, deep: Weights
) -> BudgetVerdict:
    sides = _side(comparisons, wide), _side(comparisons, deep)
    counts = [len(comparisons.evidence.of(model)) for model in (*wide, *deep)]
    difference = Interval(sides[0].accuracy_percent - sides[1].accuracy_percent, None, None, min(counts), 0.95)
    outcome: Outcome = "one run each" if min(counts) == 1 else "no significant difference"
    return BudgetVerdict(budget, cost, *sides, outcome, difference, margin)


def _side(comparisons: Comparisons, weights: Weights) -> Side:
    evidence, fit = comparisons.evidence, comparisons.fit

    def weighted(values: Mapping[str, float | None]) -> float | None:
        known = [value for value in values.values() if value is not None]
        total = sum(weight * (values[model] or 0.0) for model, weight in weights.items())
        return total if len(known) == len(values) else None

    def cost(measure: Measure) -> float | None:
        means = {model: evidence.mean(model, measure) for model in weights}
        return weighted({model: None if mean is None else mean.mean for model, mean in means.items()})

    accuracy = cost("accuracy_percent") if fit is None else weighted({model: fit.mean(model) for model in weights})
    return Side(weights, accuracy or 0.0, cost("total_seconds"), cost("params") or 0.0, cost("macs") or 0.0)


def _scale_factor(evidence: Evidence, pair: Comparison) -> float:
    base = evidence.axes.base if evidence.axes is not None else pair.model
    return parse_model(pair.model).width / parse_model(base).width


def _tested(comparisons: Comparisons, fit: StudyFit, verdicts: list[BudgetVerdict]) -> list[BudgetVerdict]:
    """Return the verdicts with their tests."""
    if not verdicts:
        return []
    weights = [difference_of(one.wide.weights, one.deep.weights) for one in verdicts]
    contrasts, correlation = fit.contrasts(weights), fit.correlation(weights)
    df = min(one.df for one in contrasts)
    critical = joint_critical_value(correlation, df, comparisons.alpha)
    found = []
    for verdict, contrast in zip(verdicts, contrasts, strict=True):
        if verdict.budget == "scale_factor":
            tested = _with_pair(verdict, comparisons.counterparts[-1])
        else:
            tested = _with_joint_test(verdict, contrast, critical, comparisons.alpha)
            tested = replace(tested, p_value=joint_p_value(contrast.t, correlation, df))
            tested = replace(tested, correction=f"joint over {len(verdicts)} budgets" if len(verdicts) > 1 else "")
        found.append(_with_outcome(tested, contrast, comparisons.alpha))
    return found


def _with_pair(verdict: BudgetVerdict, pair: Comparison) -> BudgetVerdict:
    """Return the scale factor's verdict with the test of its pair, the same as everywhere else in the report."""
    correction = f"Holm over {pair.family_size} pairs" if pair.family_size > 1 else ""
    return replace(
        verdict, interval=pair.interval, p_alone=pair.p_alone, p_value=pair.p_value, correction=correction
    )  # fmt: skip


def _with_joint_test(verdict: BudgetVerdict, contrast: Contrast, critical: float, alpha: float) -> BudgetVerdict:
    half = critical * contrast.standard_error
    low, high = contrast.estimate - half, contrast.estimate + half
    interval = Interval(contrast.estimate, low, high, verdict.interval.n, 1 - alpha)
    return replace(verdict, interval=interval, p_alone=contrast.p_value)


def _with_outcome(verdict: BudgetVerdict, contrast: Contrast, alpha: float) -> BudgetVerdict:
    """Return the verdict with its outcome: a significant difference comes before equality within the margin."""
    low, high = contrast.interval(2 * alpha)
    outcome: Outcome = "no significant difference"
    if verdict.p_value is not None and verdict.p_value < alpha:
        outcome = "wider" if contrast.estimate > 0 else "deeper"
    elif -verdict.margin < low and high < verdict.margin:
        outcome = "equal"
    worse_by_no_more = {"wide": low > -verdict.margin, "deep": high < verdict.margin}
    no_worse = verdict.cheaper if worse_by_no_more[verdict.cheaper] else None
    return replace(verdict, outcome=outcome, equality_interval=(low, high), no_worse=no_worse)


def _cheaper(wide: Side, deep: Side, budget: Budget) -> Literal["wide", "deep"]:
    if budget != "total_seconds" and wide.seconds is not None and deep.seconds is not None:
        return "wide" if wide.seconds < deep.seconds else "deep"
    return "wide" if wide.macs < deep.macs else "deep"


def _model_to_take(evidence: Evidence, verdict: BudgetVerdict) -> str | None:
    """Return the model to take within the budget; None without a verdict, or if no measured model is a safe choice."""
    if not verdict.is_decided:
        return None
    side = verdict.winner or (verdict.wide if verdict.cheaper == "wide" else verdict.deep)
    other = verdict.deep if side is verdict.wide else verdict.wide
    if side.model is not None:
        return side.model
    assert evidence.axes is not None
    measure: Measure = verdict.budget  # type: ignore[assignment]  # a side at a scale factor is one model
    models = evidence.axes.along("width" if side is verdict.wide else "depth")
    costs = {model: mean.mean for model in models if (mean := evidence.mean(model, measure)) is not None}
    affordable = [model for model in costs if costs[model] <= AFFORDABLE * verdict.cost]
    best = max(affordable, key=costs.__getitem__, default=None)
    accuracy = None if best is None else evidence.mean(best, "accuracy_percent")
    least = other.accuracy_percent - (verdict.margin if verdict.outcome == "equal" else 0.0)
    return best if accuracy is not None and accuracy.mean >= least else None
