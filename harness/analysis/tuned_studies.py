"""The part of each stored result in tuned learning rates: a trial, a run at a tuned rate, or none."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.analysis.evidence import Evidence
from harness.analysis.learning_rates import ModelTrials, Trial, Tuning, trial_of, tried_rates
from harness.analysis.stored_result import StoredResult
from harness.config.case import Case
from harness.results.declared_tuning import DeclaredTuning, Trials, at_any_rate

TUNED = "tuned learning rates"
"""The words that a study of tuned learning rates has in its title."""


@dataclass
class TunedParts:
    """Results by their part in tuned learning rates.

    Attributes:
        plain: all that are neither trials nor at a tuned rate other than the recipe's.
        tuned: those at their model's own rate, with its tuning.
        replaced: those at a rate that a later tuning has replaced, with the later one.
        trials: the trials of each tuning, by its id(): every trial asks, and a case's hash is slow.
    """

    plain: list[StoredResult] = field(default_factory=list)
    tuned: list[tuple[StoredResult, DeclaredTuning]] = field(default_factory=list)
    replaced: list[tuple[StoredResult, DeclaredTuning]] = field(default_factory=list)
    trials: dict[int, list[StoredResult]] = field(default_factory=lambda: defaultdict(list))

    def with_tuning(self, study: Evidence, tunings: Iterable[DeclaredTuning], common: Evidence | None) -> Evidence:
        """Return a study of tuned rates with its trials, and with replaced runs among the superseded ones.

        Args:
            tunings: those of the study's results.
            common: the study at the recipe's own rate; None without its runs.
        """
        networks = {one.case.network for one in study.used_results}
        of_model = {one.model: one for one in tunings if one.plain.network in networks}
        kept = [of_model[model] for model in study.models if model in of_model]
        trials = tuple(map(self._trials_of, kept))
        former = tuple(one.result for one, later in self.replaced if any(later is used for used in kept))
        return replace(study, tuning=Tuning(trials), untuned=common, superseded=(*study.superseded, *former))

    def _trials_of(self, tuning: DeclaredTuning) -> ModelTrials:
        stored = self.trials.get(id(tuning), [])
        outcomes = filter(None, map(_outcome, stored))
        held_out = max((one.result.evaluation_images for one in stored), default=0)
        rates = tried_rates(outcomes, tuning.rates)
        return ModelTrials(tuning.model, tuning.common_rate, rates, tuning.seeds, tuning.chosen, held_out)


def _outcome(trial: StoredResult) -> Trial | None:
    curve = trial.read_curve()
    return trial_of(trial.result, curve.accuracy_percent if curve is not None else ())


def parts_of(stored: Iterable[StoredResult], declared: Mapping[Path, Sequence[DeclaredTuning]]) -> TunedParts:
    """Group results by their part in the tunings that their results folders declare."""
    parts, known = TunedParts(), {root: _Tunings(tunings) for root, tunings in declared.items() if tunings}
    for one in stored:
        if (tunings := known.get(one.root)) is None:
            parts.plain.append(one)
        else:
            tunings.sort(one, parts)
    parts.plain += _of_plain_studies(parts)
    return parts


def _of_plain_studies(parts: TunedParts) -> list[StoredResult]:
    """Return runs at a chosen rate that are of a plain study too: one of other models at that rate.

    So a study at one rate for all keeps its models when some of them choose that rate later.
    """
    kept = {id(one) for one in parts.plain}
    apart = {id(one): one for one, _ in (*parts.tuned, *parts.replaced) if id(one) not in kept}
    roots = {one.root for one in apart.values()}
    models: dict[tuple[Path, Case], set[str]] = defaultdict(set)
    for one in parts.plain:
        if one.root in roots:
            models[one.root, _of_any_model(one)].add(one.result.model)
    return [one for one in apart.values() if models.get((one.root, _of_any_model(one)), set()) - {one.result.model}]


def _of_any_model(one: StoredResult) -> Case:
    """Return a result's case without its model: equal for runs of a study."""
    return replace(one.result.case, model="any", network="any", seed=0, compiled=False)


class _Tunings:
    """The tunings of one results folder, by the cases that they are about."""

    def __init__(self, declared: Sequence[DeclaredTuning]) -> None:
        self._trials = Trials(declared)
        self._former: dict[Case, list[DeclaredTuning]] = defaultdict(list)
        self._latest: dict[Case, dict[float, DeclaredTuning]] = defaultdict(dict)  # by the recipe's own rate
        for one in declared:
            if one.chosen is not None:
                case = at_any_rate(one.plain)
                self._former[case].append(one)
                self._latest[case][one.common_rate] = one

    def sort(self, one: StoredResult, parts: TunedParts) -> None:
        """Add a result to its parts: a run at the recipe's own rate is a tuned one too if its model keeps it."""
        case, rate = at_any_rate(one.result.case), one.result.case.recipe.learning_rate
        trials = self._trials.tunings_of(one.result.case)
        latest = self._latest.get(case, {})
        tuned = [of for of in latest.values() if of.chosen == rate]
        if trials:
            for of in trials:
                parts.trials[id(of)].append(one)
            return
        parts.tuned += [(one, of) for of in tuned]
        if rate in latest or not (tuned or self._is_former(case, rate)):
            parts.plain.append(one)
        elif not tuned:
            parts.replaced += [(one, of) for of in latest.values()]

    def _is_former(self, case: Case, rate: float) -> bool:
        return any(of.chosen == rate for of in self._former.get(case, ()))
