"""The folder of a case inside a results folder, under the present or an earlier name of its images."""

import glob
from pathlib import Path

from harness.config.case import Case
from harness.config.datasets import is_own_images, kind_of

RESULT = "result.json"


def find_case_folder(root: Path, case: Case) -> Path:
    """Return the case's folder in a results folder, whether it exists or not.

    A user's images may have been moved or renamed since their case was trained. Of the folders whose names end with
    its identity, one with a result is returned, else the one last written to: a training stays in its folder.
    """
    own = root / case.folder_name
    if _has_result(own) or not is_own_images(case.dataset):
        return own
    found = [own, *sorted(root.glob(f"{kind_of(case.dataset)}-*-{glob.escape(case.folder_suffix)}"))]
    present = [folder for folder in found if folder.exists()]
    return max(present, key=lambda folder: (_has_result(folder), folder.stat().st_mtime_ns), default=own)


def _has_result(folder: Path) -> bool:
    return (folder / RESULT).exists()


def is_name_of_case(name: str, case: Case) -> bool:
    """Return whether a folder of that name can be the case's, whatever its images are called now."""
    may_be_renamed = is_own_images(case.dataset) and name.startswith(f"{kind_of(case.dataset)}-")
    return name == case.folder_name or (may_be_renamed and name.endswith(f"-{case.folder_suffix}"))
