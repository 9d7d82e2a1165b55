"""Test images of a result as PNG files, for the report's page; nothing is downloaded.

torch is imported only once images are read: a report without pictures does without.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from PIL import Image

from harness.config.settings import Settings
from harness.errors import InputError
from harness.results.result import Result

if TYPE_CHECKING:
    from torch import Tensor

    from harness.data.registry import Dataset

_MOST_PIXEL_BYTES = 2**29  # of the training and test images, which are loaded for a dozen; CIFAR-10 has 184 MB
_MOST_SIDE = 96  # in pixels, of a picture on the page


def picture_reader(settings: Settings) -> Callable[[Result, Sequence[int]], list[bytes]]:
    """Return a function that reads a result's test images from the data folder, or the user's.

    It raises an `InputError` if the images are not on this machine, are others now, or take too long to load.
    """

    loaded: dict[Hashable, Dataset] = {}  # the last one: studies of the same images follow one another

    def read(result: Result, positions: Sequence[int]) -> list[bytes]:
        import torch

        from harness.study.reproduce import images_of, require_same_images

        case = result.case
        key = (result.dataset, result.mode == "quick", case.recipe.resize, case.data_fingerprint)
        if key not in loaded:
            _require_quick_to_load(result)
            loaded.clear()
            loaded[key] = images_of(result, settings)
        dataset = loaded[key]
        require_same_images(result, dataset)
        return [png(image) for image in dataset.test.select(torch.tensor(positions)).pixels]

    return read


def _require_quick_to_load(result: Result) -> None:
    held_out = result.evaluation_images if result.case.val_split else 0
    images = round(result.train_images / result.case.train_fraction) + held_out + result.test_images
    if images * 3 * result.case.recipe.image_size**2 > _MOST_PIXEL_BYTES:
        raise InputError(f"{images:,} images of {result.case.recipe.image_size} pixels would take too long to load")


def png(image: Tensor) -> bytes:
    """Return an image, uint8 (C, H, W), as a PNG file of at most 96 × 96 pixels."""
    pixels = image.permute(1, 2, 0).contiguous().numpy()
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((_MOST_SIDE, _MOST_SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
