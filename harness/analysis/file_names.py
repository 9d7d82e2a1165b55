"""The studies' names within names of files: unique, and no longer than file systems allow."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from harness.analysis.evidence import Evidence

_MAX_FILE_NAME_BYTES = 120  # of the 255 that file systems allow: the table's name and a suffix follow


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
