"""Two results folders compared by the guard: every case of the baseline, found in both or named."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.analysis.conditions import condition_changes, group_by_conditions, labels_of
from harness.analysis.guard import NotCompared, Verdict, compare_case, joined
from harness.config.case import Case
from harness.config.limits import Limit
from harness.errors import InputError
from harness.results.case_folder import RESULT
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.text import MOST_NAMED, listed_up_to


def read_comparable(folder: Path, name: str) -> list[Result]:
    """Return every result of a folder.

    Args:
        name: the folder's name in messages.

    Raises:
        InputError: the folder or a case's folder cannot be read, a result is damaged or contradicts its predictions or
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
    return results


def compare_results(base: Sequence[Result], new: Sequence[Result], limits: Mapping[str, Limit]) -> Verdict:
    """Compare two folders' results, case by case; a case that only one of them has is named."""
    old_groups, new_groups = (group_by_conditions(without_quick(results)) for results in (base, new))
    labels = labels_of(one.case for one in without_quick([*base, *new]))
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
