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
from harness.config.case import Mode
from harness.config.datasets import FOLDER_PREFIX, file_stem, is_folder, title_of
from harness.files import safe_name
from harness.paper.expectations import is_comparable
from harness.paper.published import STUDY_MODELS
from harness.results.result import LearningCurve, Result
from harness.text import count_noun

_MODES: tuple[Mode, ...] = ("full", "shortened", "quick")
_MODE_SUFFIXES: dict[Mode, str] = {"full": "", "shortened": "-shortened", "quick": "-smoke"}
_MAX_FILE_NAME_BYTES = 120  # of the 255 that file systems allow: the table's name and a suffix follow
_MAX_PART_CHARACTERS = 32
StudyKey = tuple[str, ...]
"""Mode, dataset, folder and the other properties that a study's results share, as human-readable text."""
_MODE, _DATASET, _ROOT = range(3)  # places in the key


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


def group_into_studies(stored: Iterable[StoredResult]) -> list[Evidence]:
    """Group results into studies, and return each study's evidence in the studies' order.

    The results of a study share the folder, dataset, mode, recipe, images, pipeline, precision and kind of device.
    """
    studies: dict[StudyKey, list[StoredResult]] = defaultdict(list)
    for one in stored:
        studies[_study_key(one)].append(one)
    namesakes: dict[tuple[str, str], list[StudyKey]] = defaultdict(list)
    for study in studies:
        namesakes[_short_name(study)].append(study)
    found = [_evidence(group, _differences(study, namesakes[_short_name(study)])) for study, group in studies.items()]
    found = [_with_hashed_file_name(one) if _is_ambiguous(one, found) else one for one in found]
    order = [*STUDY_MODELS, *sorted({one.dataset for one in found} - set(STUDY_MODELS))]
    roots = list(dict.fromkeys(one.folder for one in found))

    def place(one: Evidence) -> tuple[object, ...]:
        return order.index(one.dataset), _MODES.index(one.mode), roots.index(one.folder), -len(one.runs), one.title

    return sorted(found, key=place)


def _study_key(one: StoredResult) -> StudyKey:
    case = one.result.case
    recipe = hashlib.sha256(repr((case.recipe, case.shortcut)).encode()).hexdigest()[:6]
    return (
        case.mode,
        case.dataset,
        str(one.root),
        f"{case.pipeline} pipeline",
        case.precision,
        case.device_kind,
        f"{case.recipe.epochs} epochs",
        f"{case.val_split:.0%} held out",
        f"recipe {recipe}",
        f"images {case.data_fingerprint[:6]}",
    )


def _short_name(study: StudyKey) -> tuple[str, str]:
    """Return mode and dataset: studies that share both need more words in their names."""
    mode, dataset, *_ = study
    return mode, file_stem(dataset)


def _differences(study: StudyKey, namesakes: Sequence[StudyKey]) -> dict[int, str]:
    """Return the parts of a study's key that differ from its namesakes', by place; ends of paths."""
    found = {}
    for place, part in enumerate(study):
        others = {other[place] for other in namesakes}
        if place != _MODE and len(others) > 1:
            found[place] = _end(part, others) if place in (_DATASET, _ROOT) else part
    return found


def _end(path: str, paths: Iterable[str]) -> str:
    """Return the shortest end of a path, ``y/photos``, that no other of the paths has."""
    parts, *all_parts = (
        [part for part in Path(one.removeprefix(FOLDER_PREFIX)).parts if part != "/"] for one in (path, *paths)
    )
    ends = (n for n in range(1, len(parts)) if sum(other[-n:] == parts[-n:] for other in all_parts) == 1)
    return "/".join(parts[-next(ends, len(parts)) :])


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


def _evidence(stored: Sequence[StoredResult], differences: Mapping[int, str]) -> Evidence:
    """Return the evidence of one study's results; the latest counts for each model and seed."""
    first = stored[0].result
    complete = [one for one in stored if one.result.is_complete]
    latest: dict[tuple[str, int], StoredResult] = {}
    for one in sorted(complete, key=lambda one: one.result.finished_at):
        latest[one.result.model, one.result.seed] = one
    used = {id(one) for one in latest.values()}  # equality would compare every epoch
    return Evidence(
        dataset=first.dataset,
        mode=first.mode,
        title=_title(first, differences),
        file_name=_file_name(first, differences),
        runs=tuple(_run(one) for one in latest.values()),
        train_images=first.train_images,
        test_images=first.test_images,
        epochs=first.case.recipe.epochs,
        is_comparable=bool(complete) and all(is_comparable(one.result) for one in complete),
        subject=repr((first.dataset, first.mode, first.case.recipe, first.case.val_split, first.case.data_fingerprint)),
        folder=stored[0].root,
        incomplete=tuple(one.result for one in stored if not one.result.is_complete),
        superseded=tuple(one.result for one in complete if id(one) not in used),
    )


def _title(first: Result, differences: Mapping[int, str]) -> str:
    """Return the study's human-readable name; a shortened study's always gives its number of epochs."""
    is_renamed = is_folder(first.dataset) and _DATASET in differences
    head = differences[_DATASET] if is_renamed else title_of(first.dataset)
    parts = [head, *(part for place, part in differences.items() if place != _DATASET)]
    if first.mode == "shortened":
        parts.append(f"shortened ({count_noun(first.case.recipe.epochs, 'epoch')})")
    return " · ".join(parts)


def _file_name(first: Result, differences: Mapping[int, str]) -> str:
    """Return the study's name within names of files; a long part, such as a path, is replaced by its hash."""
    parts = [
        part if len(part) <= _MAX_PART_CHARACTERS else hashlib.sha256(part.encode()).hexdigest()[:6]
        for part in differences.values()
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
    )
