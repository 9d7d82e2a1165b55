"""Sequential seeds: a study whose verdicts are decided at a declared look needs no further seeds."""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from harness.analysis.budgets import BudgetVerdict, are_decided, budget_verdicts
from harness.analysis.sequential import SequentialPlan
from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.analysis.wording import BUDGET_WORDS, level_text, outcome_text
from harness.config.experiment import Experiment
from harness.errors import InputError
from harness.results.declared_axes import read_declared_axes
from harness.results.declared_tuning import read_declared_tuning
from harness.results.folder import ResultsFolder
from harness.results.result import LearningCurve, Result
from harness.study.study import Study
from harness.text import listed
from harness.training.reuse import find_finished


@dataclass
class _Looked:
    """One study of the session.

    Attributes:
        experiments: those of the session that belong to the study.
        looked_after: the number of seeds at the last look; 0 before the first.
        decision: why further seeds are not needed; None while they are.
    """

    experiments: list[Experiment] = field(default_factory=list)
    looked_after: int = 0
    decision: str | None = None


class SequentialStudies:
    """The studies of a session, each looked at after the numbers of seeds that its plan declares.

    A look uses the results of the study's models with the seeds before it, of any session.
    """

    def __init__(self, study: Study, experiments: Collection[Experiment], plans: Mapping[str, SequentialPlan]) -> None:
        """Group the experiments into studies, as the report does.

        Args:
            plans: the seeds and the looks, by dataset.
        """
        self._study, self._plans = study, plans
        self._studies: dict[str, _Looked] = {}
        for experiment in experiments:
            self._studies.setdefault(study.subject(experiment), _Looked()).experiments.append(experiment)

    def reason_to_skip(self, experiment: Experiment) -> str | None:
        """Return the reason to skip the case; None if it is needed. Call it on every rank, seed by seed.

        It takes the looks that are due, and cancels the cases that a decision makes superfluous.
        """
        one = self._studies[self._study.subject(experiment)]
        plan = self._plans[experiment.dataset]
        place = plan.seeds.index(experiment.seed)
        for look in plan.looks:
            if one.decision is None and one.looked_after < look <= place:
                self._look(one, plan, look)
        return one.decision if place >= one.looked_after else None

    def notes(self) -> dict[str, list[str]]:
        """Return, for each decided study, by `Evidence.subject`, a line that says so."""
        return {
            subject: [_note(one, self._plans[one.experiments[0].dataset])]
            for subject, one in self._studies.items()
            if one.decision is not None
        }

    def _look(self, one: _Looked, plan: SequentialPlan, look: int) -> None:
        """Take a look at a study after so many seeds; rank 0 decides for all ranks."""
        one.looked_after = look
        one.decision = self._study.on_rank_zero(lambda: self._decide(one, plan, look))
        if one.decision is not None:
            further = plan.seeds[look:]
            self._study.cancel([experiment for experiment in one.experiments if experiment.seed in further])

    def _decide(self, one: _Looked, plan: SequentialPlan, look: int) -> str | None:
        """Return the decision in words; None if a budget is open, or none has a verdict."""
        stored = [_stored(result, self._study.results) for result in self._results(one, plan.seeds[:look])]
        root = self._study.results.root
        tunings = {root: read_declared_tuning(root)}
        verdicts = [
            verdict
            for evidence in group_into_studies(stored, {root: read_declared_axes(root)}, tunings=tunings)
            if (evidence.tuning is not None) == one.experiments[0].variant.is_tuned
            for verdict in budget_verdicts(evidence, margin=self._study.settings.margin, alpha=plan.level)
        ]
        if not are_decided(verdicts):
            return None
        return f"decided after {look} seeds ({looks_text(plan)}): {_verdicts_text(verdicts)}"

    def _results(self, one: _Looked, seeds: Collection[int]) -> list[Result]:
        """Return the recorded results of the study's models with these seeds."""
        asked = dict.fromkeys(replace(experiment, seed=seed) for experiment in one.experiments for seed in seeds)
        study = self._study
        found = [find_finished(study.case(one), study.results) for one in asked if study.is_finished(one)]
        return [result for result in found if result is not None]


def looks_text(plan: SequentialPlan) -> str:
    """Return a plan's looks and the level of each: ``looks at 3, 4, 5; α = 0.0221 each``."""
    looks = ", ".join(map(str, plan.looks))
    return f"looks at {looks}; {level_text(plan.level)} each" if len(plan.looks) > 1 else f"one look at {looks}"


def _note(one: _Looked, plan: SequentialPlan) -> str:
    after = f"Decided after {one.looked_after} of {len(plan.seeds)} seeds ({looks_text(plan)})"
    return f"{after}; the other seeds' tests were skipped." if one.looked_after < len(plan.seeds) else f"{after}."


def _verdicts_text(verdicts: Collection[BudgetVerdict]) -> str:
    """Return the budgets by outcome: ``wider at equal MACs; equal within 0.5 pp at equal parameters``."""
    by_outcome: dict[str, list[str]] = {}
    for verdict in verdicts:
        by_outcome.setdefault(outcome_text(verdict.outcome, verdict.margin), []).append(BUDGET_WORDS[verdict.budget])
    return "; ".join(f"{outcome} at equal {listed(budgets)}" for outcome, budgets in by_outcome.items())


def _stored(result: Result, results: ResultsFolder) -> StoredResult:
    """Return a result with its learning curve; a decision uses no predictions."""

    def read_curve() -> LearningCurve | None:
        with contextlib.suppress(InputError):
            return results.read_curve(result)
        return None

    return StoredResult(result, results.root, lambda: None, read_curve)
