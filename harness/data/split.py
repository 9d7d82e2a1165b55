"""A validation set held out of the training images, so that the best epoch can be chosen without the test set."""

from collections import defaultdict

import numpy as np
import torch

from harness.data.images import ImageSet

_SPLIT_SEED = 0  # the same images for every model and seed, so that they stay comparable


def split_validation(images: ImageSet, fraction: float) -> tuple[ImageSet, ImageSet]:
    """Training and validation images: about ``fraction`` of every class held out, tracks kept whole.

    Where images come in tracks (GTSRB: 30 shots of one sign), near-identical images on both sides would make the
    validation accuracy a lie. A class of a single track stays in training.
    """
    by_class = _tracks_by_class(images)
    generator = np.random.default_rng(_SPLIT_SEED)
    held_out: list[int] = []
    for label in sorted(by_class):
        tracks = list(by_class[label].values())
        wanted = min(max(1, round(fraction * len(tracks))), len(tracks) - 1)
        for chosen in generator.permutation(len(tracks))[:wanted]:
            held_out += tracks[chosen]
    is_held_out = torch.zeros(len(images), dtype=torch.bool)
    is_held_out[held_out] = True
    return images.select((~is_held_out).nonzero()[:, 0]), images.select(is_held_out.nonzero()[:, 0])


def can_be_split(images: ImageSet) -> bool:
    """Whether any class has a track to spare."""
    return any(len(tracks) > 1 for tracks in _tracks_by_class(images).values())


def _tracks_by_class(images: ImageSet) -> dict[int, dict[str, list[int]]]:
    """The positions of each class's images, by track; an image without a track is one of its own."""
    by_class: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, label in enumerate(images.labels.tolist()):
        track = images.tracks[position] if images.tracks is not None else str(position)
        by_class[label][track].append(position)
    return by_class
