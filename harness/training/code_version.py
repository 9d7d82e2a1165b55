"""The version of the code: hashes of what executes in files that decide outcomes.

Needs no torch. Comments, docstrings and formatting do not count. Values that a case carries do not count either: its
recipe, and its images, whose hash covers the code that reads and decodes them.
"""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.source_code import executed
from harness.text import MOST_NAMED, listed_up_to

_TRAINING_CODE = (
    "config/built_in.py",
    "config/families.py",
    "config/library_names.py",
    "config/recipe.py",
    "data/augment.py",
    "data/augment_parameters.py",
    "data/augment_rotate_first.py",
    "data/decoding.py",
    "data/images.py",
    "data/pixel_operations.py",
    "data/split.py",
    "hardware/device.py",
    "hardware/global_settings.py",
    "hardware/memory.py",
    "hardware/stopwatch.py",
    "models/*.py",
    "results/marginal_gain.py",
    "results/metrics.py",
    "training/checkpoint.py",
    "training/checkpoint_file.py",
    "training/history.py",
    "training/job.py",
    "training/process_group.py",
    "training/result_builder.py",
    "training/resume.py",
    "training/reuse.py",
    "training/run.py",
    "training/train.py",
    "training/trainers/*.py",
)
_SOURCE = Path(__file__).resolve().parents[1]
_LENGTH = 12


@functools.cache
def code_hashes() -> dict[str, str]:
    """Return a shortened SHA-256 of what executes in each deciding file, by its path in the package.

    Raises:
        InputError: a pattern of `_TRAINING_CODE` matches no file: the package is in a zip file, or has no sources.
    """
    return {path.relative_to(_SOURCE).as_posix(): _shortened(executed(path.read_bytes())) for path in _training_files()}


def training_code_version() -> str:
    """Return a shortened SHA-256 over `code_hashes`."""
    return _shortened("".join(f"{name} {sha256}\n" for name, sha256 in code_hashes().items()))


@functools.cache
def source_version() -> str:
    """Return a shortened SHA-256 of the whole source, equal on machines that run the same code."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:_LENGTH]


def other_code(environments: Iterable[Mapping[str, Any]]) -> str | None:
    """Describe the code that trained in these environments, unless all of it is the present code.

    Returns:
        for the last environment of other code, e.g. ``commit 0123456789, which differs in models/resnet.py``.
    """
    present = training_code_version()
    others = [one for one in environments if one.get("training_code") != present]
    if not others:
        return None
    commit, recorded = others[-1].get("commit"), others[-1].get("code")
    name = f"commit {str(commit)[:10]}" if commit else "code without a commit"
    changed = _changed_files(recorded) if isinstance(recorded, Mapping) else []
    files = listed_up_to(changed, MOST_NAMED, "file")
    return f"{name}, which differs in {files}" if changed else f"{name}, an earlier version"


def _training_files() -> Iterator[Path]:
    for pattern in _TRAINING_CODE:
        paths = sorted(_SOURCE.glob(pattern))
        if not paths:
            raise InputError(
                f"no file of the training code matches {pattern!r} in {_SOURCE}: install the package unzipped, "
                "with its sources"
            )
        yield from paths


def _changed_files(recorded: Mapping[str, str]) -> list[str]:
    """List the files that differ from the recorded version, or that only one version has."""
    present = code_hashes()
    return sorted(name for name in recorded.keys() | present.keys() if recorded.get(name) != present.get(name))


def _shortened(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
