"""The guard: a case's new results compared with its baseline's, measure by measure, against limits.

Several seeds on both sides: a measure violates its limit if the one-sided 95 % interval of its mean's excess over the
limit is above 0. Accuracies of the same seeds are paired; otherwise the interval is Welch's. One seed on a side, or an
exact measure such as the parameters: the numbers are compared as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Literal

from harness.analysis.conditions import code_changes
from harness.analysis.stats import Interval, mean_interval, welch_interval
from harness.config.limits import Limit, Measure
from harness.results.result import Result
from harness.results.timing import timed_on, timing_changes
from harness.text import listed

_CONFIDENCE = 0.9  # of a two-sided interval whose ends are one-sided 95 % bounds
_LEAST_UNDISTURBED = 3  # epochs of a run beside disturbed ones, so that a median means something
_COPY = "its seed {seed} is the baseline's own training, copied or reused; train it again with --rerun"
Method = Literal["exact", "one seed", "paired t", "Welch's t"]
ValuesBySeed = Mapping[int, float]


@dataclass(frozen=True)
class Comparison:
    """A measure of one case, before and after.

    Attributes:
        before, after: means over the seeds, in the measure's unit.
        seeds: the numbers of seeds before and after.
        excess: the mean change beyond the limit; negative within it.
        excess_at_least: the lower end of the excess's one-sided 95 % interval; None if the numbers are compared alone.
        disturbed_epochs: the epochs before and after whose time is left out, as it was disturbed.
    """

    case: str
    limit: Limit
    before: float
    after: float
    seeds: tuple[int, int]
    method: Method
    excess: float
    excess_at_least: float | None = None
    disturbed_epochs: tuple[int, int] = (0, 0)

    @property
    def is_violated(self) -> bool:
        """True if the excess is above 0, with a tolerance for rounding errors."""
        shown = self.excess if self.excess_at_least is None else self.excess_at_least
        return shown > 1e-9 * max(abs(self.before), abs(self.after))


@dataclass(frozen=True)
class Incomplete:
    """A case with a smaller share of complete trainings than in the baseline.

    Attributes:
        before, after: the trainings' statuses with their numbers, ``2 complete, 1 diverged``.
    """

    case: str
    before: str
    after: str


@dataclass(frozen=True)
class Changed:
    """A case that is compared although its network, its recipe or the harness's own code has changed.

    Attributes:
        changes: as ``recipe.learning_rate 0.05 → 0.1`` or ``the harness's own models/resnet.py``.
    """

    case: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class NotCompared:
    """A case, or one of its measures, that is not compared.

    Attributes:
        measure: None for the whole case.
        is_failure: true if the user asked for the comparison, so that the guard must not pass.
    """

    case: str
    measure: Measure | None
    reason: str
    is_failure: bool


@dataclass(frozen=True)
class Verdict:
    """The outcome of a comparison of two sets of results."""

    comparisons: tuple[Comparison, ...] = ()
    incomplete: tuple[Incomplete, ...] = ()
    not_compared: tuple[NotCompared, ...] = ()
    changed: tuple[Changed, ...] = ()

    @property
    def violations(self) -> list[Comparison]:
        """The comparisons beyond their limits."""
        return [one for one in self.comparisons if one.is_violated]

    @property
    def is_violated(self) -> bool:
        return bool(self.violations or self.incomplete)

    @property
    def unchecked(self) -> list[NotCompared]:
        """The comparisons that the user asked for and that were not made."""
        return [one for one in self.not_compared if one.is_failure]

    @property
    def exit_code(self) -> int:
        """0 within the limits, 1 violated, 2 if a comparison asked for was not made, or none was."""
        return 1 if self.is_violated else 2 if self.unchecked or not self.comparisons else 0


def joined(verdicts: Iterable[Verdict]) -> Verdict:
    """Return several verdicts as one."""
    every = list(verdicts)
    return Verdict(
        tuple(one for verdict in every for one in verdict.comparisons),
        tuple(one for verdict in every for one in verdict.incomplete),
        tuple(one for verdict in every for one in verdict.not_compared),
        tuple(one for verdict in every for one in verdict.changed),
    )


def compare_case(
    case: str,
    base: Sequence[Result],
    new: Sequence[Result],
    limits: Mapping[str, Limit],
    changes: Sequence[str] = (),
) -> Verdict:
    """Compare the results of one case's seeds; all have the same conditions, except for the changes.

    Args:
        case: the name for readers.
        limits: by the measure's name.
        changes: of the user's network and recipe, for readers.
    """
    trainings = set(map(_training, base))
    copies = [one for one in new if _training(one) in trainings]
    new = [one for one in new if _training(one) not in trainings]
    complete_base, complete_new = [one for one in base if one.is_complete], [one for one in new if one.is_complete]
    left_out = [NotCompared(case, None, _COPY.format(seed=one.seed), is_failure=True) for one in copies]
    if len(complete_base) < len(base):
        reason = f"before: {_statuses(base)}; only complete trainings are compared"
        left_out.append(NotCompared(case, None, reason, is_failure=not complete_base))
    incomplete: tuple[Incomplete, ...] = ()
    if new and len(complete_new) / len(new) < len(complete_base) / len(base):
        incomplete = (Incomplete(case, _statuses(base), _statuses(new)),)
    changes = [*changes, *code_changes(base, new)]
    changed = (Changed(case, tuple(changes)),) if changes else ()
    of_trainings = Verdict((), incomplete, tuple(left_out), changed)
    if not complete_base or not complete_new:
        return of_trainings
    return joined([of_trainings, _compare_measures(case, complete_base, complete_new, limits)])


def _training(result: Result) -> tuple[int, str, str]:
    """Return what a result and its copies share, and no other training of the case has."""
    return result.seed, result.started_at, result.finished_at


def _compare_measures(case: str, base: Sequence[Result], new: Sequence[Result], limits: Mapping[str, Limit]) -> Verdict:
    """Compare each measure of complete results that has a limit."""
    timing = {is_of_use: _timing_difference(base, new, is_of_use=is_of_use) for is_of_use in (False, True)}
    comparisons, left_out = [], []
    for limit in limits.values():
        refusal = _refusal(limit, base, new, timing[limit.measure.is_of_use])
        if refusal is None:
            counts = _count_disturbed_epochs(base, limit), _count_disturbed_epochs(new, limit)
            comparisons.append(replace(_compare(case, limit, base, new), disturbed_epochs=counts))
        else:
            left_out.append(NotCompared(case, limit.measure, refusal, is_failure=not limit.is_default))
    return Verdict(tuple(comparisons), (), tuple(left_out))


def _count_disturbed_epochs(results: Sequence[Result], limit: Limit) -> int:
    """Return the number of epochs that a measure leaves out, as they were disturbed."""
    return sum(len(_disturbed_epochs(one)) for one in results) if limit.measure.name == "epoch_seconds" else 0


def _statuses(results: Sequence[Result]) -> str:
    """Return the statuses with their numbers: ``2 complete, 1 diverged``."""
    statuses = [one.status.replace("_", " ") for one in results]
    return ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))


def _timing_difference(base: Sequence[Result], new: Sequence[Result], *, is_of_use: bool) -> str | None:
    """Return the reason why times and memory are not comparable; None if they are.

    Args:
        is_of_use: compare where the network was used: in the last attempt, even if that trained no epoch. Times beside
            other cases are then marked as disturbed, one by one.
    """
    for name, results in (("in the baseline", base), ("in the new results", new)):
        if not is_of_use and any(one.is_co_scheduled for one in results):
            return f"co-scheduled with other cases {name}"
    environments = [
        environment
        for one in [*base, *new]
        for environment in ([{**one.environment, "co_scheduled": False}] if is_of_use else one.training_environments)
    ]
    if len({timed_on(environment) for environment in environments}) == 1:
        return None
    first = environments[0]
    (changes, *_) = filter(None, (timing_changes(first, other) for other in environments))
    return ", ".join(changes)


def _refusal(limit: Limit, base: Sequence[Result], new: Sequence[Result], timing: str | None) -> str | None:
    """Return the reason why a measure is not compared; None if it is."""
    if not limit.measure.is_timed:
        return None
    if timing is not None:
        return timing
    if limit.measure.name == "epoch_seconds" and (too_few := _too_few_undisturbed(base, new)) is not None:
        return too_few
    if limit.measure.is_of_use:
        return _without_use(limit.measure, base, new)
    unknown = any(not value_of(one, limit.measure.name) for one in [*base, *new])
    return "it is not recorded on this system" if unknown else None


def _too_few_undisturbed(base: Sequence[Result], new: Sequence[Result]) -> str | None:
    """Return the reason why disturbed epochs leave no time to compare; None if enough epochs are left."""
    for name, results in (("in the baseline", base), ("in the new results", new)):
        for one in results:
            if _disturbed_epochs(one) and len(_compared_epochs(one)) < _LEAST_UNDISTURBED:
                causes = f" ({listed(one.disturbance_causes)})" if one.disturbance_causes else ""
                disturbed = f"{len(one.disturbed_epochs or ())} of {one.epochs} epochs of seed {one.seed}"
                return f"{disturbed} {name} were disturbed{causes}; train it again when the machine is free"
    return None


def _without_use(measure: Measure, base: Sequence[Result], new: Sequence[Result]) -> str | None:
    """Return the reason why a result lacks an undisturbed time of use; None if all have it."""
    for name, results in (("in the baseline", base), ("in the new results", new)):
        for one in results:
            if getattr(one, measure.name) is None:
                reason = f"that of seed {one.seed} {name} was disturbed; train it again when the machine is free"
                return reason if one.inference else f"seed {one.seed} {name} has none: train it again"
    return None


def value_of(result: Result, measure: str) -> float:
    """Return a measure of a complete result.

    The epoch time is the median over the undisturbed epochs without the first, which warms up: a pause of the machine
    lengthens the mean of all epochs, which the study reports.
    """
    if measure == "epoch_seconds":
        return median(_compared_epochs(result))
    return float(getattr(result, measure))


def _compared_epochs(result: Result) -> list[float]:
    """Return the seconds of the undisturbed epochs without the first; those of a single epoch."""
    return result.undisturbed_seconds(from_epoch=2) if len(result.epoch_seconds) > 1 else [*result.epoch_seconds]


def _disturbed_epochs(result: Result) -> set[int]:
    """Return the disturbed epochs; without the first, which is not compared, unless it is the only one."""
    return set(result.disturbed_epochs or ()) - ({1} if len(result.epoch_seconds) > 1 else set())


def _compare(case: str, limit: Limit, base: Sequence[Result], new: Sequence[Result]) -> Comparison:
    """Compare one measure of complete results."""
    before, after = ({one.seed: value_of(one, limit.measure.name) for one in results} for results in (base, new))
    means, seeds = (fmean(before.values()), fmean(after.values())), (len(before), len(after))
    if limit.measure.is_exact or 1 in seeds:
        method: Method = "exact" if limit.measure.is_exact else "one seed"
        return Comparison(case, limit, *means, seeds, method, limit.excess(limit.worst(means[0]), means[1]))
    interval, method = _excess_interval(limit, before, after)
    return Comparison(case, limit, *means, seeds, method, interval.mean, interval.low)


def _excess_interval(limit: Limit, before: ValuesBySeed, after: ValuesBySeed) -> tuple[Interval, Method]:
    """Return the interval of the mean excess over the limit, over several seeds."""
    if before.keys() == after.keys() and not limit.measure.is_timed:  # a seed says nothing of times
        excesses = [limit.excess(limit.worst(before[seed]), after[seed]) for seed in before]
        return mean_interval(excesses, _CONFIDENCE), "paired t"
    worst, values = [limit.worst(value) for value in before.values()], [*after.values()]
    higher, lower = (worst, values) if limit.measure.is_better_high else (values, worst)
    return welch_interval(higher, lower, _CONFIDENCE), "Welch's t"
