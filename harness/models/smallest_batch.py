"""The fewest images that a training step of a network can have."""

import functools

import torch

from harness.config.families import Model
from harness.hardware.memory import is_out_of_memory
from harness.models.build import build_network
from harness.models.random_state import seeded


@functools.lru_cache(maxsize=256)
def smallest_batch(model: Model, image_shape: tuple[int, int, int], num_classes: int) -> int:
    """Return 2 if the network cannot train on one image of that shape (C, H, W), else 1.

    From one image whose maps are 1×1, BatchNorm gets a single value per channel, which has no variance.
    """
    if model.is_foreign:
        return _smallest_by_trial(model, image_shape, num_classes)
    network = build_network(model, image_shape[0], num_classes, seed=0, device="meta").train()
    try:
        network(torch.zeros(1, *image_shape, device="meta"))
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            return 2
        raise
    return 1


def _smallest_by_trial(model: Model, image_shape: tuple[int, int, int], num_classes: int) -> int:
    """Return `smallest_batch` of a network that may not run on the meta device, and fail in its own way."""
    network = build_network(model, image_shape[0], num_classes, seed=0).train()
    try:
        with seeded(0):
            return 1 if network(torch.randn(1, *image_shape)).shape == (1, num_classes) else 2
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return 2
