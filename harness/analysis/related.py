"""Related studies: those that differ in one condition of training alone, as in the number of epochs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Literal, TypeVar

from harness.analysis.evidence import Evidence
from harness.config.case import Case

Condition = Literal["epochs", "train_fraction"]
Value = TypeVar("Value", int, float)
# The fields of a case in which the runs of one study can differ, and the mode, which follows from the epochs.
_OF_RUNS = ("model", "seed", "network", "compiled", "mode")
_SCHEDULE = ("epochs", "milestones", "warmup_epochs")


def related_studies(studies: Sequence[Evidence], condition: Condition) -> list[dict[float, int]]:
    """Return the groups of studies that differ in the condition alone, each study's place by its value.

    A group has two studies or more; its values ascend. Quick runs and published figures are in no group, and studies of
    tuned learning rates are in groups of their own.
    """
    cases = {place: case for place, one in enumerate(studies) if (case := _case_of(one)) is not None}
    groups: dict[tuple[object, ...], list[dict[float, int]]] = defaultdict(list)
    for place, case in sorted(cases.items(), key=lambda one: -condition_of(one[1], condition)):
        is_tuned = studies[place].tuning is not None
        value, alike = condition_of(case, condition), groups[studies[place].folder, is_tuned, _fixed(case, condition)]
        for group in alike:
            longest = cases[next(iter(group.values()))]
            if value not in group and (condition != "epochs" or _are_one_schedule(longest, case)):
                group[value] = place
                break
        else:
            alike.append({value: place})
    return [dict(sorted(group.items())) for alike in groups.values() for group in alike if len(group) > 1]


def of_equal_networks(studies: Mapping[Value, Evidence]) -> tuple[dict[Value, Evidence], dict[Value, list[str]]]:
    """Return related studies without models that have had another network since, and those models.

    They are no replicates, and no other size or schedule, of a network whose code has changed since.
    """
    latest: dict[str, tuple[str, str]] = {}
    for study in studies.values():
        for one in study.used_results:
            latest[one.model] = max(latest.get(one.model, ("", "")), (one.finished_at, one.case.network))
    kept, others = dict(studies), dict[Value, list[str]]()
    for value, study in studies.items():
        differing = {one.model for one in study.used_results if one.case.network != latest[one.model][1]}
        if differing:
            others[value] = [model for model in study.models if model in differing]
            kept[value] = replace(study, runs=tuple(run for run in study.runs if run.model not in differing))
    return kept, others


def condition_of(case: Case, condition: Condition) -> float:
    """Return a case's epochs or share of the training images."""
    return case.train_fraction if condition == "train_fraction" else case.recipe.epochs


def _case_of(study: Evidence) -> Case | None:
    """Return a case of the study, at the recipe's own rate; None for quick runs and published figures."""
    results = [] if study.mode == "quick" else study.used_results
    if not results or study.tuning is None:
        return results[0].case if results else None
    case = results[0].case
    rate = min(study.tuning.common_rates, default=case.recipe.learning_rate)  # all of a study have the same
    return replace(case, recipe=replace(case.recipe, learning_rate=rate))


def _fixed(case: Case, condition: Condition) -> tuple[object, ...]:
    """Return all fields of a case and its recipe that related studies share."""
    varying = _SCHEDULE if condition == "epochs" else ()
    of_runs = (*_OF_RUNS, "recipe", *(["train_fraction"] if condition == "train_fraction" else []))
    of_case = [getattr(case, one.name) for one in fields(case) if one.name not in of_runs]
    return *of_case, *(getattr(case.recipe, one.name) for one in fields(case.recipe) if one.name not in varying)


def _are_one_schedule(longer: Case, case: Case) -> bool:
    """Return whether two recipes are one, scaled: milestones and warm-up at the same shares.

    `Recipe.with_epochs` rounds them to whole epochs, so shares may differ by less than an epoch of the shorter one.
    """
    long, short = (
        [one / recipe.epochs for one in (*recipe.milestones, recipe.warmup_epochs)]
        for recipe in (longer.recipe, case.recipe)
    )
    return len(long) == len(short) and all(
        abs(one - other) < 1 / case.recipe.epochs for one, other in zip(long, short, strict=True)
    )
