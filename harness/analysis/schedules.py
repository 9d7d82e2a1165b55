"""Wider against deeper at equal training time over several schedules: epochs are a choice too.

Every model of an axis with every schedule is a candidate of that axis. At a budget each axis has its best candidate
that the budget allows, and the question is which of the two is better. The best one is chosen on the same seeds as it
is judged by, so no single pair is tested: the interval is that of the difference between the two best means.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from harness.analysis.axes import Axes, Axis
from harness.analysis.budgets import AFFORDABLE, Outcome
from harness.analysis.evidence import Evidence
from harness.analysis.fit import Contrast, StudyFit
from harness.analysis.multiplicity import holm
from harness.analysis.stats import SIGNIFICANCE, Interval

CostOfSchedules = Literal["total_seconds", "macs"]


@dataclass(frozen=True)
class Candidate:
    """A model with a schedule.

    Attributes:
        accuracy_percent: its mean over seeds, adjusted to the same seeds as every other candidate's.
        cost: the mean seconds, or the multiply-accumulates of one image's forward pass times the epochs.
    """

    model: str
    epochs: int
    accuracy_percent: float
    cost: float

    @property
    def name(self) -> str:
        """The candidate's name, ``resnet20 for 30 epochs``."""
        return f"{self.model} for {self.epochs} epochs"


@dataclass(frozen=True)
class EqualTime:
    """The best candidates of width and depth within a budget.

    Attributes:
        cost: the budget, the dearest cost of one schedule that both axes reach.
        epochs: that schedule.
        wide, deep: the best ones; both can be the base model.
        interval: wide minus deep in percentage points, simultaneous over the budgets; without ends if untested.
        alpha: the level α of the test.
        p_alone, p_value: of the hypothesis that both axes are equal at their best; corrected by Holm's method over the
            budgets. None if untested.
    """

    cost: float
    epochs: int
    wide: Candidate
    deep: Candidate
    interval: Interval
    alpha: float = SIGNIFICANCE
    p_alone: float | None = None
    p_value: float | None = None

    @property
    def outcome(self) -> Outcome:
        """The outcome: ``wider``, ``deeper``, or why neither."""
        if self.p_value is None:
            return "one run each" if self.interval.n == 1 else "no significant difference"
        if self.p_value >= self.alpha:
            return "no significant difference"
        return "wider" if self.interval.mean > 0 else "deeper"

    @property
    def take(self) -> Candidate | None:
        """The better one; None if none is."""
        return {"wider": self.wide, "deeper": self.deep}.get(self.outcome)


@dataclass(frozen=True)
class Schedules:
    """The candidates of related studies, and wider against deeper at equal cost.

    Attributes:
        merged: one study of all runs, a model by the name of its candidate.
        cost: training time, or MACs if times were measured under different conditions.
        wide, deep: the candidates of each axis, with the base model's.
        verdicts: one for each budget, the cheapest first.
    """

    merged: Evidence
    cost: CostOfSchedules
    wide: tuple[Candidate, ...]
    deep: tuple[Candidate, ...]
    verdicts: tuple[EqualTime, ...]


def compare_schedules(studies: Mapping[int, Evidence], alpha: float = SIGNIFICANCE) -> Schedules | None:
    """Compare wider with deeper at equal cost over schedules; None without two axes.

    Args:
        studies: by number of epochs; they differ in nothing else.
        alpha: the level α of the verdicts together.
    """
    axes = studies[max(studies)].axes
    if axes is None or not axes.width or not axes.depth:
        return None
    merged, keys = _merged(studies)
    cost: CostOfSchedules = "total_seconds" if _has_times(merged) else "macs"
    values = {name: merged.values(name, "accuracy_percent") for name in merged.models}
    fit = StudyFit(values, merged.test_images)
    candidates = {
        name: Candidate(*keys[name], fit.mean(name), _cost(merged, name, keys[name][1], cost)) for name in merged.models
    }
    wide, deep = (_along(candidates, axes, axis) for axis in ("width", "depth"))
    budgets = _budgets(wide, deep)
    counts = {name: len(of_name) for name, of_name in values.items()}
    found = [_verdict(fit, counts, *budget, wide, deep, alpha / len(budgets)) for budget in budgets]
    p_values = holm([one.p_alone for one in found])
    verdicts = tuple(replace(one, p_value=p_value, alpha=alpha) for one, p_value in zip(found, p_values, strict=True))
    return Schedules(merged, cost, tuple(wide.values()), tuple(deep.values()), verdicts)


def _merged(studies: Mapping[int, Evidence]) -> tuple[Evidence, dict[str, tuple[str, int]]]:
    """Return one study of all runs, each model by the name of its candidate, and the candidates by name."""
    keys: dict[str, tuple[str, int]] = {}
    runs = []
    for epochs, study in studies.items():
        for run in study.runs:
            name = f"{run.model} for {epochs} epochs"
            keys[name] = run.model, epochs
            runs.append(replace(run, model=name))
    return replace(studies[max(studies)], runs=tuple(runs), given_axes=()), keys


def _has_times(merged: Evidence) -> bool:
    """Return whether every candidate has times of the same conditions."""
    return all(merged.values(name, "total_seconds") for name in merged.models)


def _cost(merged: Evidence, name: str, epochs: int, cost: CostOfSchedules) -> float:
    mean = merged.mean(name, cost)
    return math.nan if mean is None else mean.mean * (epochs if cost == "macs" else 1)


def _along(candidates: Mapping[str, Candidate], axes: Axes, axis: Axis) -> dict[str, Candidate]:
    models = axes.along(axis)
    return {name: one for name, one in candidates.items() if one.model in models}


def _budgets(wide: Mapping[str, Candidate], deep: Mapping[str, Candidate]) -> list[tuple[float, int]]:
    """Return the dearest cost of each schedule that both axes reach, with its epochs, the cheapest first.

    A budget is left out if it allows no wider or no deeper model with any schedule: the base model alone is no axis.
    """
    found = []
    for epochs in {one.epochs for one in wide.values()} & {one.epochs for one in deep.values()}:
        sides = ([one.cost for one in side.values() if one.epochs == epochs] for side in (wide, deep))
        cost = min(map(max, sides))
        beyond = (_within(cost, one).keys() - other.keys() for one, other in ((wide, deep), (deep, wide)))
        if all(beyond):
            found.append((cost, epochs))
    return sorted(found)


def _within(cost: float, side: Mapping[str, Candidate]) -> dict[str, Candidate]:
    return {name: one for name, one in side.items() if one.cost <= AFFORDABLE * cost}


def _verdict(
    fit: StudyFit,
    counts: Mapping[str, int],
    cost: float,
    epochs: int,
    wide: Mapping[str, Candidate],
    deep: Mapping[str, Candidate],
    alpha: float,
) -> EqualTime:
    """Return the best candidates within a budget and the 1 − α interval of their difference."""
    ours, theirs = (_within(cost, side) for side in (wide, deep))
    best = [max(side, key=lambda name: side[name].accuracy_percent) for side in (ours, theirs)]
    low, high, p_value = _best_against_best(fit, list(ours), list(theirs), alpha)
    estimate, n = ours[best[0]].accuracy_percent - theirs[best[1]].accuracy_percent, min(counts[one] for one in best)
    interval = Interval(estimate, low, high, n, 1 - alpha)
    return EqualTime(cost, epochs, ours[best[0]], theirs[best[1]], interval, p_alone=p_value)


def _best_against_best(
    fit: StudyFit, wide: Sequence[str], deep: Sequence[str], alpha: float
) -> tuple[float | None, float | None, float | None]:
    """Return the ends of the 1 − α interval of best wide minus best deep, and the p-value.

    The best wide one is above the best deep one by more than x if some wide one is above each deep one by more than x:
    an intersection-union test of each wide one, Bonferroni over them; and the reverse. The two directions share α.
    """
    shape = len(wide), len(deep)
    pairs = [(one, other) for one in wide for other in deep]
    tested = iter(fit.contrasts([{one: 1.0, other: -1.0} for one, other in pairs if one != other]))
    contrasts = [Contrast(0.0, 0.0, 1.0) if one == other else next(tested) for one, other in pairs]
    if any(one.standard_error is None for one in contrasts):
        return None, None, None
    estimates, errors, df = (
        np.array([getattr(one, key) for one in contrasts], dtype=float).reshape(shape)
        for key in ("estimate", "standard_error", "df")
    )
    low = (estimates - stats.t.isf(alpha / 2 / len(wide), df) * errors).min(axis=1).max()
    high = (estimates + stats.t.isf(alpha / 2 / len(deep), df) * errors).max(axis=0).min()
    t = np.divide(estimates, errors, out=np.full(shape, np.nan), where=errors > 0)
    wider, deeper = (np.nan_to_num(stats.t.sf(sign * t, df), nan=1.0) for sign in (1, -1))
    p_value = 2 * min(len(wide) * wider.max(axis=1).min(), len(deep) * deeper.max(axis=0).min())
    return float(low), float(high), min(1.0, float(p_value))
