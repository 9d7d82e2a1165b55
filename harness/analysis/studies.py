"""Studies: stored results grouped by all conditions of training except model and seed, and named."""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from harness.analysis.evidence import Correct, Evidence, Run
from harness.analysis.stored_result import StoredResult
from harness.analysis.study_names import (
    MAX_PART_CHARACTERS,
    FolderNames,
    StudyKey,
    names_of_paths,
    names_of_recipes,
    with_unambiguous_file_names,
)
from harness.analysis.tuned_studies import TUNED, parts_of
from harness.config.case import Case, Mode
from harness.config.datasets import file_stem, is_own_images, prefix_of, title_of
from harness.config.recipe_text import schedule_text
from harness.config.variant import fraction_name, fraction_text
from harness.files import distinct_names, safe_name
from harness.paper.expectations import is_trained_as_published
from harness.paper.published import STUDY_MODELS
from harness.results.declared_axes import DeclaredAxes
from harness.results.declared_tuning import DeclaredTuning
from harness.results.result import Result
from harness.text import count_noun

_MODES: tuple[Mode, ...] = ("full", "shortened", "quick")
_MODE_SUFFIXES: dict[Mode, str] = {"full": "", "shortened": "-shortened", "quick": "-smoke"}
_RECIPE = -3  # the place of the recipe in a study's key


def group_into_studies(
    stored: Iterable[StoredResult],
    declared: Mapping[Path, Sequence[DeclaredAxes]] | None = None,
    folder_names: FolderNames = distinct_names,
    tunings: Mapping[Path, Sequence[DeclaredTuning]] | None = None,
) -> list[Evidence]:
    """Group results into studies, and return each study's evidence in the studies' order.

    The results of a study share the folder, dataset, mode, recipe, images, pipeline, precision and kind of device. In a
    study of tuned learning rates the recipes differ in the rate; trials of rates are in no study.

    Args:
        declared: the axes declared in each results folder, the newest last; None without any.
        folder_names: returns a short name for each folder.
        tunings: the learning rates that each results folder declares, the newest last; None without any.
    """
    parts = parts_of(_under_latest_names(stored), tunings or {})
    studies: dict[StudyKey, list[StoredResult]] = defaultdict(list)
    for one in parts.plain:
        studies[_study_key(one)].append(one)
    tuned: dict[StudyKey, dict[int, DeclaredTuning]] = defaultdict(dict)
    for one, tuning in parts.tuned:
        studies[key := _study_key(one, tuning)].append(one)
        tuned[key][id(tuning)] = tuning
    namesakes: dict[tuple[str, str], list[StudyKey]] = defaultdict(list)
    for study in studies:
        namesakes[_short_name(study)].append(study)
    names = names_of_paths(studies, folder_names)
    by_key: dict[StudyKey, Evidence] = {}
    for study, group in sorted(studies.items(), key=lambda one: one[0] in tuned):
        alike = namesakes[_short_name(study)]
        recipes = names_of_recipes({other[_RECIPE]: studies[other][0].result.case for other in alike})
        axes = (declared or {}).get(group[0].root, ())
        evidence = _evidence(group, _differences(study, alike), names | recipes, axes)
        if study in tuned:
            evidence = parts.with_tuning(evidence, tuned[study].values(), by_key.get(_untuned(study)))
            evidence = replace(evidence, subject=tuned_subject(next(iter(tuned[study].values())).plain))
        by_key[study] = evidence
    return _in_order(with_unambiguous_file_names(list(by_key.values())))


def _in_order(found: Sequence[Evidence]) -> list[Evidence]:
    order = [*STUDY_MODELS, *sorted({one.dataset for one in found} - set(STUDY_MODELS))]
    roots = list(dict.fromkeys(one.folder for one in found))

    def place(one: Evidence) -> tuple[object, ...]:
        size = one.epochs, one.train_images
        return (
            order.index(one.dataset),
            _MODES.index(one.mode),
            roots.index(one.folder),
            -len(one.runs),
            *size,
            one.title,
        )

    return sorted(found, key=place)


def _under_latest_names(stored: Iterable[StoredResult]) -> list[StoredResult]:
    """Return the results with one name for the same images of a user: that of the latest result.

    The folder may have been moved or renamed between two trainings.
    """
    stored = list(stored)
    own = [one.result for one in stored if is_own_images(one.result.dataset)]
    latest = {one.case.data_fingerprint: one.dataset for one in sorted(own, key=lambda one: one.finished_at)}

    def renamed(one: StoredResult) -> StoredResult:
        name = latest.get(one.result.case.data_fingerprint, "")
        return replace(one, result=one.result.under_name(name)) if is_own_images(one.result.dataset) else one

    return list(map(renamed, stored))


def _study_key(one: StoredResult, tuning: DeclaredTuning | None = None) -> StudyKey:
    """Return the study of a result; of a tuned one, that of the recipe's own rate with a mark."""
    case = one.result.case if tuning is None else tuning.at_common_rate(one.result.case)
    return (
        case.mode,
        case.dataset,
        str(one.root),
        f"{'deterministic ' * case.deterministic}{case.pipeline} pipeline",
        case.precision,
        case.device_kind,
        count_noun(case.recipe.epochs, "epoch"),
        f"{100 * case.val_split:.12g}% held out",
        fraction_text(case.train_fraction),
        TUNED if tuning is not None else "",
        f"recipe {_recipe_hash(case)}",
        schedule_text(case.recipe),
        f"images {case.data_fingerprint[:6]}",
    )


def _untuned(study: StudyKey) -> StudyKey:
    return tuple("" if part == TUNED else part for part in study)


def _recipe_hash(case: Case) -> str:
    """Return six digits of the recipe without its schedule, which has parts of its own in the key."""
    content = repr((case.recipe.without_schedule, case.recipe.learning_rate, case.shortcut))
    return hashlib.sha256(content.encode()).hexdigest()[:6]


def study_subject(case: Case) -> str:
    """Return dataset, mode, recipe and images in one string: equal for studies that may be compared."""
    dataset = prefix_of(case.dataset) if is_own_images(case.dataset) else case.dataset
    return repr((dataset, case.mode, case.recipe, case.val_split, case.train_fraction, case.data_fingerprint))


def tuned_subject(plain: Case) -> str:
    """Return the subject of a study of tuned learning rates, from a case at the recipe's own rate."""
    return f"{study_subject(plain)} {TUNED}"


def _short_name(study: StudyKey) -> tuple[str, str]:
    """Return mode and dataset: studies that share both need more words in their names."""
    mode, dataset, *_ = study
    return mode, file_stem(dataset)


def _differences(study: StudyKey, namesakes: Sequence[StudyKey]) -> list[str]:
    """Return the parts of a study's key that differ from those of its namesakes.

    The hash of its images is one only if another namesake has the same dataset: else the datasets' names differ. Its
    milestones are one only if another namesake differs in nothing else: they scale with the epochs.
    """
    *parts, schedule, images = study
    differing = [part for k, part in enumerate(parts) if k > 0 and len({other[k] for other in namesakes}) > 1]
    found = [part for part in parts[1:] if part == TUNED or (part and part in differing)]
    if len({other[-2] for other in namesakes if other[:-2] == tuple(parts)}) > 1:
        found.append(schedule)
    of_dataset = {other[-1] for other in namesakes if other[1] == study[1]}
    return [*found, images] if len(of_dataset) > 1 else found


def _evidence(
    stored: Sequence[StoredResult],
    differences: Sequence[str],
    names: Mapping[str, str],
    declared: Sequence[DeclaredAxes],
) -> Evidence:
    """Return the evidence of one study's results; the latest counts for each model and seed.

    Args:
        differences: the parts of the study's key that distinguish it from its namesakes.
        names: short names of folders, by path.
        declared: the axes declared in the results folder, the newest last.
    """
    stored, of_other_networks = _of_latest_networks(stored)
    first = stored[0].result
    complete = [one for one in stored if one.result.is_complete]
    latest: dict[tuple[str, int], StoredResult] = {}
    for one in sorted(complete, key=lambda one: one.result.finished_at):
        latest[one.result.model, one.result.seed] = one
    used = {id(one) for one in latest.values()}  # equality would compare every epoch
    return Evidence(
        dataset=first.dataset,
        mode=first.mode,
        title=_title(first, differences, names),
        file_name=_file_name(first, differences, names),
        runs=tuple(_run(one) for one in latest.values()),
        train_images=first.train_images,
        test_images=first.test_images,
        epochs=first.case.recipe.epochs,
        is_trained_as_published=bool(complete) and all(is_trained_as_published(one.result) for one in complete),
        subject=study_subject(first.case),
        folder=stored[0].root,
        folder_name=names[str(stored[0].root)],
        incomplete=tuple(one.result for one in stored if not one.result.is_complete),
        superseded=tuple(one.result for one in complete if id(one) not in used),
        of_other_networks=tuple(one.result for one in of_other_networks),
        given_axes=tuple(one.axes for one in reversed(declared) if one.images == first.case.data_fingerprint),
    )


def _of_latest_networks(stored: Sequence[StoredResult]) -> tuple[list[StoredResult], list[StoredResult]]:
    """Return the results of each model's latest network, and the others: they are no replicates of it.

    A network that has completed a training counts as later than one that has not.
    """
    in_order = sorted(stored, key=lambda one: (one.result.is_complete, one.result.finished_at))
    latest = {one.result.model: one.result.case.network for one in in_order}
    is_of_latest = [latest[one.result.model] == one.result.case.network for one in stored]
    kept = [one for one, is_latest in zip(stored, is_of_latest, strict=True) if is_latest]
    return kept, [one for one, is_latest in zip(stored, is_of_latest, strict=True) if not is_latest]


def _title(first: Result, differences: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the human-readable name, always with a share of the images or a shortened schedule."""
    dataset = names.get(first.dataset, title_of(first.dataset))
    share, epochs = fraction_text(first.case.train_fraction), count_noun(first.case.recipe.epochs, "epoch")
    stated = (first.dataset, epochs) if first.mode == "shortened" else (first.dataset,)
    parts = [dataset, *(names.get(part, part) for part in differences if part not in stated)]
    if first.case.train_fraction != 1 and share not in parts:
        parts.append(share)
    if first.mode == "shortened":
        parts.append(f"shortened ({epochs})")
    return " · ".join(parts)


def _file_name(first: Result, differences: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the study's name within names of files; a long part is replaced by its hash."""
    share = first.case.train_fraction
    known = [{**names, fraction_text(share): fraction_name(share)}.get(part, part) for part in differences]
    parts = [
        part if len(part) <= MAX_PART_CHARACTERS else hashlib.sha256(part.encode()).hexdigest()[:6] for part in known
    ]
    name = "-".join([file_stem(first.dataset), *parts]) + _MODE_SUFFIXES[first.mode]
    return safe_name(name)


def _run(one: StoredResult) -> Run:
    """Return a complete result's figures, without times if it was resumed on other hardware."""
    result = one.result
    is_mixed = bool(result.changes_between_attempts)

    @functools.cache  # with one seed, every pair of models asks
    def read_correct() -> Correct | None:
        found = one.read_predictions()
        return None if found is None else np.asarray(found[0] == found[1], dtype=np.bool_)

    return Run(
        model=result.model,
        seed=result.seed,
        accuracy_percent=cast(float, result.accuracy_percent),
        accuracy_beside_f1_percent=cast(float, result.accuracy_percent),
        macro_f1_percent=cast(float, result.macro_f1_percent),
        params=result.params,
        macs=result.macs,
        epoch_seconds=None if is_mixed else result.mean_epoch_seconds or None,
        total_seconds=None if is_mixed else result.total_seconds or None,
        recall_percent={str(scores["class_name"]): float(scores["recall_percent"]) for scores in result.per_class},
        read_correct=read_correct,
        read_curve=functools.cache(one.read_curve),
        read_predictions=one.read_predictions,
        read_logits=one.read_logits,
        result=result,
        latency_seconds=result.latency_seconds or None,
        image_seconds=result.image_seconds or None,
        activations=result.activations,
        weight_bytes=result.weight_bytes,
    )
