"""Versions of the source: of the code that decides what an epoch comes to, and of all of it."""

import functools
import hashlib
from pathlib import Path

_TRAINING_CODE = (
    "config/families.py",
    "config/recipes.py",
    "data/augment.py",
    "data/draw.py",
    "data/pixel_operations.py",
    "data/rotate_first.py",
    "data/split.py",
    "hardware/device.py",
    "hardware/memory.py",
    "hardware/stopwatch.py",
    "models/resnet.py",
    "results/metrics.py",
    "training/checkpoint.py",
    "training/process_group.py",
    "training/train.py",
    "training/trainers/*.py",
)
_SOURCE = Path(__file__).resolve().parents[1]


@functools.cache
def training_code_version() -> str:
    """A SHA-256, shortened, over the source that decides what an epoch comes to.

    A case that was begun by other code is not gone on with: half its epochs would be one program's, half another's.

    Raises:
        FileNotFoundError: a pattern of the list above matches no file, as after a move that forgot the list.
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
    """A SHA-256, shortened, over all of the harness's source: two machines that have the same do the same."""
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.rglob("*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
