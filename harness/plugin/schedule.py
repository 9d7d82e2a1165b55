"""The order of the cases' tests, and the tests skipped, under ``--until-decided`` and ``--budget``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.plugin.session import ITEM, HarnessSession

if TYPE_CHECKING:
    from harness.config.experiment import Experiment


def order_by_seed(items: list[pytest.Item], cost: Callable[[Experiment], float] = lambda _: 0.0) -> None:
    """Order the tests of cases by the place of their seed, then by cost; other tests keep their places."""

    def place(item: pytest.Item) -> tuple[int, float]:
        one = item.stash[ITEM]
        return one.seeds.index(one.experiment.seed), cost(one.experiment)

    places = [number for number, item in enumerate(items) if ITEM in item.stash]
    for number, item in zip(places, sorted((items[number] for number in places), key=place), strict=True):
        items[number] = item


def schedule_cases(harness: HarnessSession, items: list[pytest.Item]) -> None:
    """Set up what ``--until-decided`` and ``--budget`` skip; order the tests for them. Call it before the first test.

    Raises:
        pytest.UsageError: the experiments have different seeds, or a single one, under ``--until-decided``.
        InputError: the time of a case cannot be estimated.
    """
    study, settings = harness.study, harness.settings
    if study is None:
        return
    if settings.budget is not None:
        from harness.study.time_budget import TimeBudget

        harness.time_budget = TimeBudget(settings.budget, study, harness.started_seconds)
        order_by_seed(items, harness.time_budget.case_seconds)


def reason_to_skip(harness: HarnessSession, experiment: Experiment) -> str | None:
    """Return why the test of a case is skipped; None to run it. Ask once for each test, on every rank."""
    if harness.time_budget is not None:
        return harness.time_budget.reason_to_skip(experiment)
    return None
