"""The order of the cases' tests, and the tests skipped, under ``--until-decided`` and ``--budget``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.session import ITEM, ExperimentItem, HarnessSession, experiments_among

if TYPE_CHECKING:
    from harness.analysis.sequential import SequentialPlan
    from harness.config.case import Case
    from harness.config.experiment import Experiment
    from harness.results.declared_looks import DeclaredLooks
    from harness.study.study import Study

_GIVE_SEEDS = "give e.g. --seeds 0,1,2,3,4"


def order_cases(harness: HarnessSession, items: list[pytest.Item]) -> None:
    """Order the tests of the selected cases seed by seed if an option needs it; declare the looks.

    Raises:
        pytest.UsageError: the seeds do not suit ``--until-decided``.
    """
    cases = experiments_among(items)
    if cases and harness.settings.until_decided:
        harness.plans = sequential_plans(cases)
    if harness.config.pluginmanager.has_plugin("randomly"):
        _sort_cases(items, lambda one: one.number)
    if cases and (harness.settings.until_decided or harness.settings.budget is not None):
        order_by_seed(items)


def order_by_seed(items: list[pytest.Item], cost: Callable[[Experiment], float] = lambda _: 0.0) -> None:
    """Order the tests of cases by the place of their seed, then by cost; other tests keep their places."""
    _sort_cases(items, lambda one: (one.seeds.index(one.experiment.seed), cost(one.experiment)))


def _sort_cases(items: list[pytest.Item], key: Callable[[ExperimentItem], Any]) -> None:
    places = [number for number, item in enumerate(items) if ITEM in item.stash]
    cases = sorted((items[number] for number in places), key=lambda item: key(item.stash[ITEM]))
    for number, item in zip(places, cases, strict=True):
        items[number] = item


def sequential_plans(cases: Iterable[ExperimentItem]) -> dict[str, SequentialPlan]:
    """Return the seeds and the looks of each dataset's experiments.

    Raises:
        pytest.UsageError: a dataset has a single seed, or its experiments have different seeds.
    """
    from harness.analysis.sequential import plan_looks

    seeds: dict[str, set[tuple[int, ...]]] = {}
    for one in cases:
        seeds.setdefault(one.experiment.dataset, set()).add(one.seeds)
    for dataset, given in seeds.items():
        if len(given) > 1:
            raise pytest.UsageError(
                f"--until-decided: the experiments on {dataset} have different seeds: {_GIVE_SEEDS}"
            )
        if len(min(given)) < 2:
            raise pytest.UsageError(f"--until-decided needs two seeds or more, {dataset} has one: {_GIVE_SEEDS}")
    return {dataset: plan_looks(*given) for dataset, given in seeds.items()}


def schedule_cases(harness: HarnessSession, study: Study, items: list[pytest.Item]) -> None:
    """Prepare the skipping of cases; under ``--budget``, order their tests by cost too.

    Call it once, before the first test.

    Raises:
        InputError: the time of a case cannot be estimated.
    """
    if harness.plans:
        from harness.results.declared_looks import declare_looks
        from harness.study.sequential import SequentialStudies

        experiments = [one.experiment for one in experiments_among(items)]
        if harness.processes.is_rank_zero:
            declare_looks(study.results.root, _declared(harness.plans, map(study.case, experiments)))
        harness.sequential = SequentialStudies(study, experiments, harness.plans)
    if harness.settings.budget is not None:
        from harness.study.time_budget import TimeBudget

        harness.time_budget = TimeBudget(harness.settings.budget, study, harness.started_seconds)
        order_by_seed(items, harness.time_budget.case_seconds)


def _declared(plans: dict[str, SequentialPlan], cases: Iterable[Case]) -> dict[str, DeclaredLooks]:
    """Return the plans as they are kept in the results folder."""
    from harness.results.declared_looks import DeclaredLooks, looks_key

    declared = {name: DeclaredLooks(plan.seeds, plan.looks) for name, plan in plans.items()}
    return {
        looks_key(one.dataset, one.mode, one.recipe.epochs, one.train_fraction): declared[one.dataset] for one in cases
    }


def reason_to_skip(harness: HarnessSession, experiment: Experiment) -> str | None:
    """Return the reason to skip a case; None to run it. Call it on every rank before each test."""
    reason = None if harness.sequential is None else harness.sequential.reason_to_skip(experiment)
    if reason is None and harness.time_budget is not None:
        reason = harness.time_budget.reason_to_skip(experiment)
    return reason


def answer_notes(harness: HarnessSession) -> dict[str, list[str]]:
    """Return, by `Evidence.subject`, lines on the skipped cases, for the study's answer."""
    notes: dict[str, list[str]] = {}
    for one in (harness.sequential, harness.time_budget):
        for subject, lines in (one.notes() if one is not None else {}).items():
            notes.setdefault(subject, []).extend(lines)
    return notes
