"""Images held out of others, for validation or as test images, and shares of the others."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from harness.config.case import Case
from harness.data.images import ImageSet

SPLIT_SEED = 0  # equal for all models and seeds, so that they remain comparable
_SHARE_STREAM = 1  # beside the case's seed: shares of the images are drawn apart from all else


def split_training(images: ImageSet, case: Case) -> tuple[ImageSet, ImageSet | None]:
    """Return the images that a case trains on, and those held out for validation; None without them.

    The validation images are held out first: they are the same for all seeds and all shares of the others.
    """
    train, validation = split_validation(images, case.val_split) if case.val_split else (images, None)
    return train if case.train_fraction == 1 else draw_share(train, case.train_fraction, case.seed), validation


def draw_share(images: ImageSet, fraction: float, seed: int) -> ImageSet:
    """Return about ``fraction`` of each class, in the images' order: a view of whole tracks, at least one.

    A smaller share drawn from one seed is part of a larger one.
    """
    generator = np.random.default_rng((_SHARE_STREAM, seed))
    kept: list[int] = []
    for _, by_track in sorted(_tracks_by_class(images).items()):
        tracks = list(by_track.values())
        for chosen in generator.permutation(len(tracks))[: max(1, round(fraction * len(tracks)))]:
            kept += tracks[chosen]
    return images.view(torch.tensor(sorted(kept), dtype=torch.int64))


def split_validation(images: ImageSet, fraction: float) -> tuple[ImageSet, ImageSet]:
    """Return training and validation images: hold out about ``fraction`` of each class, whole tracks only.

    Both are views: no pixel is copied.

    A track is a series of near-identical images (GTSRB: 30 shots of one sign). If both sides had images of one track,
    the validation accuracy would be too high. A class with a single track stays in training.
    """
    held_out = _held_out_positions(_tracks_by_class(images), fraction)
    is_held_out = torch.zeros(len(images), dtype=torch.bool)
    is_held_out[held_out] = True
    return images.view((~is_held_out).nonzero()[:, 0]), images.view(is_held_out.nonzero()[:, 0])


def count_held_out(images: ImageSet, fraction: float) -> int:
    """Return the number of images that `split_validation` holds out; 0 for a fraction of 0."""
    return len(_held_out_positions(_tracks_by_class(images), fraction)) if fraction else 0


def stratified_split(labels: Sequence[int], fraction: float) -> tuple[list[int], list[int]]:
    """Return the positions of training and of held-out images: about ``fraction`` of each class.

    Both ascend. The split depends on the labels and their order alone. A class with a single image stays in training.
    """
    by_class: dict[int, dict[str, list[int]]] = defaultdict(dict)
    for position, label in enumerate(labels):
        by_class[label][str(position)] = [position]
    held_out = set(_held_out_positions(by_class, fraction))
    return [position for position in range(len(labels)) if position not in held_out], sorted(held_out)


def _held_out_positions(by_class: Mapping[int, Mapping[str, Sequence[int]]], fraction: float) -> list[int]:
    """Return positions of whole tracks; ``by_class`` has the positions of each class by their track."""
    generator = np.random.default_rng(SPLIT_SEED)
    held_out: list[int] = []
    for label in sorted(by_class):
        tracks = list(by_class[label].values())
        wanted = min(max(1, round(fraction * len(tracks))), len(tracks) - 1)
        for chosen in generator.permutation(len(tracks))[:wanted]:
            held_out += tracks[chosen]
    return held_out


def can_be_split(images: ImageSet) -> bool:
    """Return whether any class has two tracks or more."""
    return any(len(tracks) > 1 for tracks in _tracks_by_class(images).values())


def _tracks_by_class(images: ImageSet) -> dict[int, dict[str, list[int]]]:
    """Return image positions by class and track; an image without a track is a track of its own."""
    by_class: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, label in enumerate(images.labels.tolist()):
        track = images.tracks[position] if images.tracks is not None else str(position)
        by_class[label][track].append(position)
    return by_class
