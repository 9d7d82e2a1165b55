"""Studies: stored results grouped by all conditions of training except model and seed, and named."""

import functools
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from harness.analysis.evidence import Correct, Evidence, Run
from harness.config.case import Case, Mode
from harness.config.datasets import file_stem, is_own_images, prefix_of, title_of
from harness.files import distinct_names, safe_name
from harness.paper.expectations import is_trained_as_published
from harness.paper.published import STUDY_MODELS
from harness.results.declared_axes import DeclaredAxes
from harness.results.result import LearningCurve, Result
from harness.text import count_noun, distinct_labels

_MODES: tuple[Mode, ...] = ("full", "shortened", "quick")
_MODE_SUFFIXES: dict[Mode, str] = {"full": "", "shortened": "-shortened", "quick": "-smoke"}
_MAX_FILE_NAME_BYTES = 120  # of the 255 that file systems allow: the table's name and a suffix follow
_MAX_PART_CHARACTERS = 32
FolderNames = Callable[[Sequence[Path]], list[str]]
StudyKey = tuple[str, ...]
"""Mode, dataset, folder and the other properties that a study's results share, as human-readable text."""


@dataclass(frozen=True)
class StoredResult:
    """A result in a results folder, with functions that read its other files.

    Attributes:
        root: the results folder.
        read_predictions: returns the test labels and the predicted classes, each (N,); None if they cannot be read.
        read_curve: returns the learning curve; None if it cannot be read.
    """

    result: Result
    root: Path
    read_predictions: Callable[[], tuple[NDArray[np.integer], NDArray[np.integer]] | None]
    read_curve: Callable[[], LearningCurve | None]


def group_into_studies(
    stored: Iterable[StoredResult],
    declared: Mapping[Path, Sequence[DeclaredAxes]] | None = None,
    folder_names: FolderNames = distinct_names,
) -> list[Evidence]:
    """Group results into studies, and return each study's evidence in the studies' order.

    The results of a study share the folder, dataset, mode, recipe, images, pipeline, precision and kind of device.

    Args:
        declared: the axes declared in each results folder, the newest last; None without any.
        folder_names: returns a short name for each folder.
    """
    studies: dict[StudyKey, list[StoredResult]] = defaultdict(list)
    for one in _under_latest_names(stored):
        studies[_study_key(one)].append(one)
    namesakes: dict[tuple[str, str], list[StudyKey]] = defaultdict(list)
    for study in studies:
        namesakes[_short_name(study)].append(study)
    names = _names_of_paths(studies, folder_names)
    found = []
    for study, group in studies.items():
        alike = namesakes[_short_name(study)]
        recipes = _names_of_recipes(studies[other][0].result.case for other in alike)
        axes = (declared or {}).get(group[0].root, ())
        found.append(_evidence(group, _differences(study, alike), names | recipes, axes))
    found = [_with_hashed_file_name(one) if _is_ambiguous(one, found) else one for one in found]
    order = [*STUDY_MODELS, *sorted({one.dataset for one in found} - set(STUDY_MODELS))]
    roots = list(dict.fromkeys(one.folder for one in found))

    def place(one: Evidence) -> tuple[object, ...]:
        return order.index(one.dataset), _MODES.index(one.mode), roots.index(one.folder), -len(one.runs), one.title

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


def _study_key(one: StoredResult) -> StudyKey:
    case = one.result.case
    return (
        case.mode,
        case.dataset,
        str(one.root),
        f"{'deterministic ' * case.deterministic}{case.pipeline} pipeline",
        case.precision,
        case.device_kind,
        count_noun(case.recipe.epochs, "epoch"),
        f"{case.val_split:.0%} held out",
        f"{case.train_fraction:.4g} of the training images",
        f"recipe {_recipe_hash(case)}",
        f"images {case.data_fingerprint[:6]}",
    )


def _recipe_hash(case: Case) -> str:
    return hashlib.sha256(repr((case.recipe, case.shortcut)).encode()).hexdigest()[:6]


def study_subject(case: Case) -> str:
    """Return dataset, mode, recipe and images in one string: equal for studies that may be compared."""
    dataset = prefix_of(case.dataset) if is_own_images(case.dataset) else case.dataset
    return repr((dataset, case.mode, case.recipe, case.val_split, case.train_fraction, case.data_fingerprint))


def _short_name(study: StudyKey) -> tuple[str, str]:
    """Return mode and dataset: studies that share both need more words in their names."""
    mode, dataset, *_ = study
    return mode, file_stem(dataset)


def _names_of_paths(studies: Iterable[StudyKey], folder_names: FolderNames) -> dict[str, str]:
    """Return a short name for each dataset's folder and each results folder: paths are private."""
    datasets = list(dict.fromkeys(dataset for _, dataset, *_ in studies if is_own_images(dataset)))
    roots = list(dict.fromkeys(root for _, _, root, *_ in studies))
    of_dataset = folder_names([Path(one.removeprefix(prefix_of(one))) for one in datasets])
    of_root = folder_names([Path(one) for one in roots])
    return dict(zip([*datasets, *roots], [*of_dataset, *of_root], strict=True))


def _names_of_recipes(cases: Iterable[Case]) -> dict[str, str]:
    """Return the name of each case's recipe by its part of the study's key; with the hash if names clash."""
    labels = distinct_labels({_recipe_hash(case): case.recipe.name for case in cases}, _MAX_PART_CHARACTERS - 8)
    return {f"recipe {digest}": f"recipe {label}" for digest, label in labels.items()}


def _differences(study: StudyKey, namesakes: Sequence[StudyKey]) -> list[str]:
    """Return the parts of a study's key that differ from those of its namesakes.

    The hash of its images is one only if another namesake has the same dataset: else the datasets' names differ.
    """
    *parts, images = study
    found = [part for k, part in enumerate(parts) if k > 0 and len({other[k] for other in namesakes}) > 1]
    of_dataset = {other[-1] for other in namesakes if other[1] == study[1]}
    return [*found, images] if len(of_dataset) > 1 else found


def _is_ambiguous(study: Evidence, found: Sequence[Evidence]) -> bool:
    """Return whether the study's file name is too long, or could be mistaken for another study's.

    It could if the names differ only in case, or if it begins with the name of another dataset as a table's name does.
    """
    name, others = study.file_name.casefold(), [one for one in found if one is not study]
    return len(name.encode()) > _MAX_FILE_NAME_BYTES or any(
        name == one.file_name.casefold()
        or (one.dataset != study.dataset and name.startswith(f"{one.file_name.casefold()}-"))
        for one in others
    )


def _with_hashed_file_name(study: Evidence) -> Evidence:
    """Cut the study's file name and append a hash that makes it unique."""
    what = repr((study.title, study.mode, str(study.folder), study.subject))
    digest = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()[:8]
    name = study.file_name.encode("utf-8", "replace")[: _MAX_FILE_NAME_BYTES - 9].decode(errors="ignore")
    return replace(study, file_name=f"{name}-{digest}")


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
    """Return the study's human-readable name; a shortened study's always gives its number of epochs."""
    dataset = names.get(first.dataset, title_of(first.dataset))
    parts = [dataset, *(names.get(part, part) for part in differences if part != first.dataset)]
    if first.mode == "shortened":
        parts.append(f"shortened ({count_noun(first.case.recipe.epochs, 'epoch')})")
    return " · ".join(parts)


def _file_name(first: Result, differences: Sequence[str], names: Mapping[str, str]) -> str:
    """Return the study's name within names of files; a long part is replaced by its hash."""
    known = [names.get(part, part) for part in differences]
    parts = [
        part if len(part) <= _MAX_PART_CHARACTERS else hashlib.sha256(part.encode()).hexdigest()[:6] for part in known
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
        result=result,
        latency_seconds=result.latency_seconds or None,
        image_seconds=result.image_seconds or None,
        activations=result.activations,
        weight_bytes=result.weight_bytes,
    )
