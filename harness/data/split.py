"""Images held out of others, for validation or as test images, and shares of the others."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from harness.config.case import Case
from harness.data.images import ImageSet

SPLIT_SEED = 0  # equal for all models and seeds, so that they remain comparable
_SHARE_STREAM = 1  # beside the case's seed: shares of the images are drawn apart from all else
_Positions = NDArray[np.int64]
_TracksByClass = dict[int, tuple[_Positions, NDArray[np.int64]]]
"""The positions of each class's images, and each one's track, numbered from 0; classes in ascending order."""


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
    kept = _draw(_tracks_by_class(images), generator, lambda count: max(1, round(fraction * count)))
    return images.view(torch.from_numpy(np.sort(kept)))


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
    held_out = set(_held_out_positions(_without_tracks(np.asarray(labels, np.int64)), fraction).tolist())
    return [position for position in range(len(labels)) if position not in held_out], sorted(held_out)


def _held_out_positions(by_class: _TracksByClass, fraction: float) -> _Positions:
    """Return positions of whole tracks; every class keeps one."""
    generator = np.random.default_rng(SPLIT_SEED)
    return _draw(by_class, generator, lambda count: min(max(1, round(fraction * count)), count - 1))


def _draw(by_class: _TracksByClass, generator: np.random.Generator, wanted: Callable[[int], int]) -> _Positions:
    """Return positions of whole tracks: of each class as many as ``wanted`` says of its number."""
    drawn = [np.empty(0, np.int64)]
    for positions, tracks in by_class.values():
        is_drawn = np.zeros(tracks.max() + 1, bool)
        is_drawn[generator.permutation(len(is_drawn))[: wanted(len(is_drawn))]] = True
        drawn.append(positions[is_drawn[tracks]])
    return np.concatenate(drawn)


def can_be_split(images: ImageSet) -> bool:
    """Return whether any class has two tracks or more."""
    return any(tracks.max() > 0 for _, tracks in _tracks_by_class(images).values())


def _tracks_by_class(images: ImageSet) -> _TracksByClass:
    """Return each class's images with their tracks; an image without a track is a track of its own."""
    single = _without_tracks(images.labels.cpu().numpy())
    if images.tracks is None:
        return single
    by_class: _TracksByClass = {}
    for label, (positions, _) in single.items():
        numbers: dict[str, int] = {}
        tracks = [numbers.setdefault(images.tracks[position], len(numbers)) for position in positions]
        by_class[label] = positions, np.array(tracks)
    return by_class


def _without_tracks(labels: _Positions) -> _TracksByClass:
    """Return each class's images, each a track of its own; a loop over all images would be slow."""
    order = np.argsort(labels, kind="stable")
    classes, starts = np.unique(labels[order], return_index=True)
    by_class = zip(classes.tolist(), np.split(order, starts[1:]), strict=False)  # no images are one part of no class
    return {label: (positions, np.arange(len(positions))) for label, positions in by_class}
