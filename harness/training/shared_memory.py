"""The shared memory that the reference pipeline's loader needs, checked before training.

A loader's process writes each batch into a file in /dev/shm, which Docker limits to 64 MB by default.
"""

import shutil
from pathlib import Path

from harness.causes import SHARED_MEMORY_REMEDY
from harness.config.recipe import Recipe
from harness.errors import InputError
from harness.training.trainers.reference import worker_count

SHARED_MEMORY = Path("/dev/shm")
_PREFETCH_FACTOR = 2  # torch's DataLoader keeps so many batches ready per process, beside the one in use
_VALUE_BYTES, _LABEL_BYTES = 4, 8


def loader_bytes(recipe: Recipe, channels: int, images: int) -> int:
    """Return the size of all batches that the loader's processes keep ready, in bytes.

    Args:
        images: the number of training images, which may be fewer than the batches hold.
    """
    kept = min((_PREFETCH_FACTOR * worker_count() + 1) * recipe.batch_size, images)
    return kept * (channels * recipe.image_size**2 * _VALUE_BYTES + _LABEL_BYTES)


def require_shared_memory(recipe: Recipe, channels: int, images: int, folder: Path = SHARED_MEMORY) -> None:
    """Raise an `InputError` unless the shared memory has room for the batches of the reference pipeline."""
    if not folder.is_dir():
        return  # not Linux
    free, needed = shutil.disk_usage(folder).free, loader_bytes(recipe, channels, images)
    if free < needed:
        raise InputError(
            f"--pipeline reference: {folder} has {free / 2**20:,.0f} MiB free, but batches of {recipe.batch_size} for "
            f"{worker_count()} loader processes need {needed / 2**20:,.0f} MiB\n{SHARED_MEMORY_REMEDY}, "
            "lower the recipe's batch_size, or use --pipeline fast"
        )
