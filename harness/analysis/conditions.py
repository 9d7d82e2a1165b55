"""Conditions of training: everything that decides a case's outcome except its seed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from harness.config.case import Case, by_dotted_name
from harness.config.datasets import file_stem, is_own_images, kind_of
from harness.config.recipes import DIGITS
from harness.results.result import Result
from harness.text import MOST_NAMED, listed_up_to


def conditions_of(case: Case) -> str:
    """Return a key of the case's conditions, equal for all of its seeds."""
    return replace(case, seed=0).identity


def conditions_beside_code(case: Case) -> tuple[str, int]:
    """Return a key of the conditions without the user's own network and the recipe.

    A change of the user's code leaves them alone. The epochs of a shortened training stay: an option sets them.
    """
    network = "own" if case.network else ""
    epochs = case.recipe.epochs if case.mode == "shortened" else 0
    return conditions_of(replace(case, network=network, recipe=DIGITS)), epochs


def group_by_conditions(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Return results of the same conditions together, in ascending order of their seeds."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in sorted(results, key=lambda one: one.seed):
        groups[conditions_of(result.case)].append(result)
    return dict(groups)


def condition_changes(before: Case, after: Case) -> list[str]:
    """Return the conditions that differ, as ``recipe.learning_rate 0.05 → 0.1``; hashes are cut."""
    old, new = _by_name(before), _by_name(after)
    return [f"{key} {_short(old.get(key))} → {_short(new.get(key))}" for key in old if old[key] != new.get(key)]


def code_changes(base: Sequence[Result], new: Sequence[Result]) -> list[str]:
    """List the change of the harness's own files; nothing if the same code trained all results."""
    environments = [one.environment for one in [*base, *new]]
    if len({environment.get("training_code") for environment in environments}) == 1:
        return []
    codes = [environment.get("code") or {} for environment in environments]
    names = sorted({name for code in codes for name in code if len({one.get(name) for one in codes}) > 1})
    return [f"the harness's own {listed_up_to(names, MOST_NAMED, 'file') or 'code'}"]


def labels_of(cases: Iterable[Case]) -> dict[str, str]:
    """Return a name for each case's conditions: ``digits resnet8``, with what differs between namesakes."""
    namesakes: dict[str, list[Case]] = defaultdict(list)
    for case in {conditions_of(case): case for case in cases}.values():
        namesakes[f"{file_stem(case.dataset)} {case.model}"].append(case)
    return {
        conditions_of(case): f"{name}{_distinction(case, same)}" for name, same in namesakes.items() for case in same
    }


def _distinction(case: Case, namesakes: Sequence[Case]) -> str:
    """Return the conditions that distinguish a case from its namesakes; empty if it has none."""
    others = [_by_name(one) for one in namesakes]
    own = _by_name(case)
    parts = [f"{key} {_short(value)}" for key, value in own.items() if any(one.get(key) != value for one in others)]
    return f" ({', '.join(parts)})" if parts else ""


def _by_name(case: Case) -> dict[str, Any]:
    """Return the conditions by their names; a user's own images count by their hash, not by their path."""
    content = by_dotted_name(asdict(replace(case, seed=0)))
    return content | ({"dataset": kind_of(case.dataset)} if is_own_images(case.dataset) else {})


def _short(value: Any) -> str:
    text = str(value)
    return text[:8] if len(text) == 64 else text
