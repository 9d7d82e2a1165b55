"""The stored results that a session keeps instead of training, and the refusal of those of other code."""

from collections.abc import Callable, Iterable

from harness.config.case import Case
from harness.config.datasets import is_own_images, own_path
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.text import count_noun, listed_up_to
from harness.training import checkpoint
from harness.training.code_version import other_code
from harness.training.reuse import REMEDY, keeps_results


def find_kept(
    cases: Iterable[Case], results: ResultsFolder, *, accept_other_code: bool, notify: Callable[[str], None]
) -> dict[str, str]:
    """Return `Result.finished_at` of each finished case that is kept, by the case's identity.

    Files other than ``result.json`` are not checked.

    Args:
        notify: called with a line about each accepted version of the code, and about each folder of images that has
            another name than when its cases were trained.

    Raises:
        InputError: another version of the code has trained a case, or started it, and is not accepted.
    """
    kept: dict[str, str] = {}
    others: dict[str, list[Case]] = {}
    moved: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        if not keeps_results(case.mode):
            continue
        stored = results.peek(case)
        if stored is not None and stored.is_finished:
            environments, kept[case.identity] = stored.training_environments, stored.finished_at
            if not _are_one_place(stored.dataset, case.dataset):
                moved.setdefault((stored.dataset, case.dataset), []).append(case)
        else:
            environments = checkpoint.environments_in(results.folder(case), case.recipe.epochs)
        if other := other_code(environments):
            others.setdefault(other, []).append(case)
    lines = [_line(some, other) for other, some in others.items()]
    if lines and not accept_other_code:
        raise InputError("\n".join([*lines, REMEDY]))
    for line in lines:
        notify(f"--accept-other-code: {line}")
    for (before, now), some in moved.items():
        notify(f"{now}: {count_noun(len(some), 'case')} kept: trained as {before}, on the same images")
    return kept


def find_outdated(cases: Iterable[Case], results: ResultsFolder) -> list[str]:
    """Return the identities of the finished cases that another version of the code has trained."""
    stored = {case.identity: results.peek(case) for case in cases}
    return [
        identity
        for identity, one in stored.items()
        if one is not None and one.is_finished and other_code(one.training_environments)
    ]


def _are_one_place(before: str, now: str) -> bool:
    """Return whether two names of a dataset are of one place, e.g. a relative and an absolute path."""
    return before == now or (is_own_images(now) and own_path(before).resolve() == own_path(now).resolve())


def _line(cases: list[Case], other: str) -> str:
    names = listed_up_to([case.label for case in cases], 1, "case")
    return f"{names} {'was' if len(cases) == 1 else 'were'} trained by other code, {other}"
