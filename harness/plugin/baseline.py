"""``--baseline``: the cases of a session with their results in an earlier run, for the guard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest

from harness.errors import InputError
from harness.plugin.guard import Guard, GuardedCase
from harness.plugin.session import ITEM, HarnessSession
from harness.text import MOST_NAMED, listed_up_to

if TYPE_CHECKING:
    from harness.config.limits import Limit
    from harness.results.result import Result
    from harness.study.study import Study


def guard_cases(harness: HarnessSession, study: Study, items: Iterable[pytest.Item]) -> None:
    """Add the guard to the session if there is a baseline; rank 0 alone compares.

    Raises:
        InputError: the baseline has a damaged result, or no result of a selected case; or a limit has no baseline.
    """
    processes, settings = harness.processes, harness.settings
    if settings.baseline is None:
        _require_no_limits(harness)
        return
    with processes.raising_together():
        if processes.is_rank_zero:
            harness.guard = Guard(
                _guarded(harness, study, items), harness.results, is_distributed=processes.is_distributed
            )
            harness.config.pluginmanager.register(harness.guard)


def _require_no_limits(harness: HarnessSession) -> None:
    from harness.config.limits import LIMIT_OPTIONS
    from harness.plugin.pytest_options import given_options

    given = given_options(harness.config)
    for name in LIMIT_OPTIONS:
        if given[name.replace("-", "_")] is not None:
            raise InputError(f"--{name} needs --baseline DIR, the results folder to compare with")


def _instead(base: Mapping[str, Sequence[Result]]) -> str:
    """Return the names of the baseline's cases, to follow "missing"."""
    from harness.analysis.conditions import labels_of

    names = sorted(labels_of(group[0].case for group in base.values()).values())
    return (
        f"; it has {listed_up_to(names, MOST_NAMED, 'case')}: train a baseline with this model's name" if names else ""
    )


def _guarded(harness: HarnessSession, study: Study, items: Iterable[pytest.Item]) -> list[GuardedCase]:
    """Return the session's cases with their results in the baseline."""
    from harness.analysis.baseline import TUNED_TITLE, Counterpart, counterparts, missing_because, read_comparable
    from harness.analysis.conditions import conditions_of, group_by_conditions, labels_of
    from harness.config.limits import limits_from, overridden

    folder = harness.settings.baseline
    assert folder is not None
    comparable = read_comparable(folder, f"--baseline {folder}")
    plain, tuned = group_by_conditions(comparable.plain), group_by_conditions(comparable.tuned)
    defaults = limits_from(vars(harness.settings))
    found: dict[tuple[str, bool, tuple[Limit, ...]], GuardedCase] = {}
    experiments = {item: item.stash[ITEM].experiment for item in items if ITEM in item.stash}
    cases = {item: study.case(one.at_common_rate if one.variant.is_tuned else one) for item, one in experiments.items()}
    labels = labels_of(cases.values())
    bases = {
        is_tuned: counterparts(
            {
                conditions_of(case): case
                for item, case in cases.items()
                if experiments[item].variant.is_tuned == is_tuned
            },
            base,
        )
        for is_tuned, base in ((False, plain), (True, tuned))
    }
    for item, case in cases.items():
        is_tuned = experiments[item].variant.is_tuned
        key, limits = conditions_of(case), overridden(defaults, item.stash[ITEM].limits)
        base = bases[is_tuned].get(key, Counterpart())
        guarded = GuardedCase(f"{labels[key]}{TUNED_TITLE if is_tuned else ''}", base.results, limits, base.changes)
        one = found.setdefault((key, is_tuned, tuple(limits.values())), guarded)
        one.identities.add(study.case(experiments[item]).identity)
        one.pending.add(item.nodeid)
    if not any(one.base for one in found.values()):
        (case, *_) = cases.values()
        raise InputError(
            f"--baseline {folder} has no result of a selected case: {labels[conditions_of(case)]} "
            f"is missing{missing_because(case, plain.values(), is_new=True) or _instead(plain)}"
        )
    return list(found.values())
