"""Versions of the source: of the code that decides the outcome of training, and of all code."""

import functools
import hashlib
from pathlib import Path

_TRAINING_CODE = (
    "config/families.py",
    "config/recipes.py",
    "data/augment.py",
    "data/augment_parameters.py",
    "data/pixel_operations.py",
    "data/augment_rotate_first.py",
    "data/split.py",
    "hardware/device.py",
    "hardware/memory.py",
    "hardware/stopwatch.py",
    "models/resnet.py",
    "results/marginal_gain.py",
    "results/metrics.py",
    "training/checkpoint.py",
    "training/history.py",
    "training/job.py",
    "training/process_group.py",
    "training/result_builder.py",
    "training/resume.py",
    "training/run.py",
    "training/train.py",
    "training/trainers/*.py",
)
_SOURCE = Path(__file__).resolve().parents[1]


@functools.cache
def training_code_version() -> str:
    """Return a shortened SHA-256 of the source that decides the outcome of training.

    A case started by other code is not resumed: two programs would each have trained a part of its epochs.

    Raises:
        FileNotFoundError: a pattern of `_TRAINING_CODE` matches no file, as after a move of files without the list.
    """
    digest = hashlib.sha256()
    for pattern in _TRAINING_CODE:
        paths = sorted(_SOURCE.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"no file of the training code matches {pattern!r} in {_SOURCE}")
        for path in paths:
            digest.update(path.relative_to(_SOURCE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def source_version() -> str:
    """Return a shortened SHA-256 of the whole source, equal on machines that run the same code."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
