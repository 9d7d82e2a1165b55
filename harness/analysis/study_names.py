"""The names that studies take: of folders and recipes in titles, and within names of files."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.analysis.evidence import Evidence
from harness.config.case import Case
from harness.config.datasets import is_own_images, prefix_of
from harness.text import distinct_labels

MAX_PART_CHARACTERS = 32
"""The length of a part of a study's name within names of files."""
FolderNames = Callable[[Sequence[Path]], list[str]]
StudyKey = tuple[str, ...]
"""Mode, dataset, folder and the other properties that a study's results share, as human-readable text."""
_MAX_FILE_NAME_BYTES = 120  # of the 255 that file systems allow: the table's name and a suffix follow


def names_of_paths(studies: Iterable[StudyKey], folder_names: FolderNames) -> dict[str, str]:
    """Return a short name for each dataset's folder and each results folder: paths are private."""
    datasets = list(dict.fromkeys(dataset for _, dataset, *_ in studies if is_own_images(dataset)))
    roots = list(dict.fromkeys(root for _, _, root, *_ in studies))
    of_dataset = folder_names([Path(one.removeprefix(prefix_of(one))) for one in datasets])
    of_root = folder_names([Path(one) for one in roots])
    return dict(zip([*datasets, *roots], [*of_dataset, *of_root], strict=True))


def names_of_recipes(cases: Mapping[str, Case]) -> dict[str, str]:
    """Return the name of each case's recipe by its part of the study's key; with the hash if names clash."""
    names = {part.removeprefix("recipe "): case.recipe.name for part, case in cases.items()}
    labels = distinct_labels(names, MAX_PART_CHARACTERS - 8)
    return {f"recipe {digest}": f"recipe {label}" for digest, label in labels.items()}


def with_unambiguous_file_names(found: Sequence[Evidence]) -> list[Evidence]:
    """Return the studies, those of an ambiguous name with a hash in it."""
    return [_with_hashed_file_name(one) if _is_ambiguous(one, found) else one for one in found]


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
