"""Two results folders compared by the guard: every case of the baseline, found in both or named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.analysis.conditions import condition_changes, conditions_of, group_by_conditions, labels_of
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
    names = labels_of(one.case for one in without_quick([*base, *new]))
    labels = {conditions: f"{name}{title}" for conditions, name in names.items()}
    verdicts = [_quick(results, name) for results, name in ((base, "in the baseline"), (new, "in the new results"))]
    for conditions, group in old_groups.items():
        if conditions in new_groups:
            verdicts.append(compare_case(labels[conditions], group, new_groups[conditions], limits))
        else:
            reason = f"missing in the new results{missing_because(group[0].case, new_groups.values())}"
            verdicts.append(Verdict(not_compared=(NotCompared(labels[conditions], None, reason, is_failure=True),)))
    verdicts += [without_baseline(labels[conditions]) for conditions in new_groups if conditions not in old_groups]
    return joined(verdicts)


def without_quick(results: Iterable[Result]) -> list[Result]:
    """Return the results without those of quick mode."""
    return [one for one in results if one.mode != "quick"]


def without_baseline(label: str) -> Verdict:
    """Return the verdict on a case that the baseline lacks: a new case is no failure."""
    return Verdict(not_compared=(NotCompared(label, None, "the baseline has no such case", is_failure=False),))


def _quick(results: Sequence[Result], name: str) -> Verdict:
    quick = {f"{one.dataset} {one.model}" for one in results if one.mode == "quick"}
    reason = f"quick mode {name}, which measures nothing"
    return Verdict(not_compared=tuple(NotCompared(case, None, reason, is_failure=False) for case in sorted(quick)))


def missing_because(case: Case, groups: Iterable[Sequence[Result]]) -> str:
    """Return the changed conditions of the most similar case of the same model, to follow "missing".

    Returns:
        e.g. `` under the same conditions: recipe.epochs 24 → 12``; empty without such a case.
    """
    same = [one[0].case for one in groups if (one[0].dataset, one[0].model) == (case.dataset, case.model)]
    changes = min((condition_changes(case, one) for one in same), key=len, default=[])
    return f" under the same conditions: {listed_up_to(changes, MOST_NAMED, 'change')}" if changes else ""
