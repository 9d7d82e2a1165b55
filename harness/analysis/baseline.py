"""Two results folders compared by the guard: every case of the baseline, found in both or named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.analysis.conditions import (
    condition_changes,
    conditions_beside_code,
    conditions_of,
    group_by_conditions,
    labels_of,
)
from harness.analysis.guard import NotCompared, Verdict, compare_case, joined
from harness.analysis.stored_result import StoredResult
from harness.analysis.tuned_studies import TUNED, parts_of
from harness.config.case import Case
from harness.config.limits import Limit
from harness.errors import InputError
from harness.results.case_folder import RESULT
from harness.results.declared_tuning import read_declared_tuning
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.text import MOST_NAMED, listed_up_to

TUNED_TITLE = f" · {TUNED}"
"""What follows a case's name if its results are at their model's own learning rate."""

_EARLIER = "an earlier network of this model; a later one is in {}"


@dataclass(frozen=True)
class Comparable:
    """The results of one folder to compare, without the trials of learning rates.

    Attributes:
        plain: those at the recipe's own learning rate.
        tuned: those at their model's own rate, with their case at the recipe's: the rate is an outcome, no condition.
        moved: the conditions of those among them whose rate is not the recipe's.
    """

    plain: list[Result]
    tuned: list[Result] = field(default_factory=list)
    moved: frozenset[str] = frozenset()


def read_comparable(folder: Path, name: str) -> Comparable:
    """Return the results of a folder.

    Args:
        name: the folder's name in messages.

    Raises:
        InputError: the folder or a file in it cannot be read, a result is damaged or contradicts its predictions or
            epochs, or there are none that measure something.
    """
    stored = ResultsFolder(folder)
    results, problems = stored.read_all()
    problems += filter(None, map(stored.contradiction, results))
    if problems:
        raise InputError(f"{name}: {problems[0]}\nremove it, or train its case again")
    if not results:
        is_case = (folder / RESULT).exists()
        remedy = "it is one case's folder: name the folder above it" if is_case else "name a folder with results"
        raise InputError(f"{name} has no results: {remedy}")
    if not without_quick(results):
        raise InputError(f"{name} has only results of quick mode, which measures nothing: train with --full-training")
    stored_results = (StoredResult(one, folder, _unread, _unread) for one in results)
    parts = parts_of(stored_results, {folder: read_declared_tuning(folder)})
    tuned = [replace(one.result, case=of.at_common_rate(one.result.case)) for one, of in parts.tuned]
    moved = {
        conditions_of(of.at_common_rate(one.result.case)) for one, of in parts.tuned if of.chosen != of.common_rate
    }
    return Comparable([one.result for one in parts.plain], tuned, frozenset(moved))


def _unread() -> None:
    """Read nothing: which results are trials is known without."""


def compare_folders(base: Comparable, new: Comparable, limits: Mapping[str, Limit]) -> Verdict:
    """Compare two folders' results, plain and tuned; a model that keeps its rate in both is plain."""
    moved = base.moved | new.moved
    before, after = ([one for one in folder.tuned if conditions_of(one.case) in moved] for folder in (base, new))
    return joined(
        [compare_results(base.plain, new.plain, limits), compare_results(before, after, limits, title=TUNED_TITLE)]
    )


def compare_results(
    base: Sequence[Result], new: Sequence[Result], limits: Mapping[str, Limit], title: str = ""
) -> Verdict:
    """Compare results case by case; a case that is only among one of them is named.

    Args:
        title: appended to each case's name.
    """
    old_groups, new_groups = (group_by_conditions(without_quick(results)) for results in (base, new))
    earlier = [
        conditions
        for conditions, group in new_groups.items()
        if conditions not in old_groups and _is_of_earlier_network(group, new_groups.values())
    ]
    current = {conditions: group[0].case for conditions, group in new_groups.items() if conditions not in earlier}
    found = counterparts(current, old_groups)
    compared = {conditions_of(one.results[0].case) for one in found.values()}
    only_before = {conditions: group for conditions, group in old_groups.items() if conditions not in compared}
    names = labels_of(group[0].case for group in [*new_groups.values(), *only_before.values()])
    labels = {conditions: f"{name}{title}" for conditions, name in names.items()}
    verdicts = [_quick(results, name) for results, name in ((base, "in the baseline"), (new, "in the new results"))]
    for conditions, one in found.items():
        verdicts.append(compare_case(labels[conditions], one.results, new_groups[conditions], limits, one.changes))
    for conditions, group in only_before.items():
        if _is_of_earlier_network(group, [one.results for one in found.values()]):
            verdicts.append(_left_out(labels[conditions], _EARLIER.format("the baseline")))
            continue
        reason = f"missing in the new results{missing_because(group[0].case, new_groups.values())}"
        verdicts.append(_left_out(labels[conditions], reason, is_failure=True))
    verdicts += [_left_out(labels[conditions], _EARLIER.format("the new results")) for conditions in earlier]
    verdicts += [without_baseline(labels[conditions]) for conditions in current if conditions not in found]
    return joined(verdicts)


def _is_of_earlier_network(group: Sequence[Result], others: Iterable[Sequence[Result]]) -> bool:
    """Return whether others have a later network of the same model, with all else equal."""
    case = group[0].case
    return any(
        conditions_beside_code(one[0].case) == conditions_beside_code(case)
        and one[0].case.recipe == case.recipe
        and _finished_at(one) > _finished_at(group)
        for one in others
    )


def _finished_at(group: Sequence[Result]) -> str:
    return max(one.finished_at for one in group)


@dataclass(frozen=True)
class Counterpart:
    """A case's results in the baseline.

    Attributes:
        changes: what the user has changed since, the network or the recipe; empty if nothing.
    """

    results: list[Result] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


def counterparts(cases: Mapping[str, Case], base: Mapping[str, list[Result]]) -> dict[str, Counterpart]:
    """Return the cases' results in the baseline; a case without any is left out.

    A case with another network or recipe than any in the baseline has the results of the one that it changes: the most
    similar one of the same model under the same other conditions, which none of the cases has. An earlier network that
    a case still has is such a one too: a folder keeps the results of each version.

    Args:
        cases, base: by their conditions.
    """
    found = {conditions: Counterpart(base[conditions]) for conditions in cases if conditions in base}
    latest_first = sorted(base.values(), key=_finished_at, reverse=True)
    for conditions, case in cases.items():
        earlier = [
            (conditions_of(before) in cases, condition_changes(before, case), group)
            for group in latest_first
            if conditions_beside_code(before := group[0].case) == conditions_beside_code(case)
            and (conditions_of(before) not in cases or before.recipe == case.recipe)
        ]
        if conditions not in found and earlier:
            _, changes, group = min(earlier, key=lambda one: (one[0], len(one[1])))
            found[conditions] = Counterpart(group, changes)
    return found


def without_quick(results: Iterable[Result]) -> list[Result]:
    """Return the results without those of quick mode."""
    return [one for one in results if one.mode != "quick"]


def without_baseline(label: str) -> Verdict:
    """Return the verdict on a case that the baseline lacks: a new case is no failure."""
    return _left_out(label, "the baseline has no such case")


def _left_out(label: str, reason: str, *, is_failure: bool = False) -> Verdict:
    return Verdict(not_compared=(NotCompared(label, None, reason, is_failure=is_failure),))


def _quick(results: Sequence[Result], name: str) -> Verdict:
    quick = {f"{one.dataset} {one.model}" for one in results if one.mode == "quick"}
    reason = f"quick mode {name}, which measures nothing"
    return Verdict(not_compared=tuple(NotCompared(case, None, reason, is_failure=False) for case in sorted(quick)))


def missing_because(case: Case, groups: Iterable[Sequence[Result]], *, is_new: bool = False) -> str:
    """Return the changed conditions of the most similar case of the same model, to follow "missing".

    Args:
        is_new: true if the case is the new one and the groups are the baseline's.

    Returns:
        e.g. `` under the same conditions: recipe.epochs 24 → 12``; empty without such a case.
    """
    same = [one[0].case for one in groups if (one[0].dataset, one[0].model) == (case.dataset, case.model)]
    pairs = [(one, case) if is_new else (case, one) for one in same]
    changes = min((condition_changes(*pair) for pair in pairs), key=len, default=[])
    return f" under the same conditions: {listed_up_to(changes, MOST_NAMED, 'change')}" if changes else ""
