"""scikit-learn's handwritten digits: 1,797 grey images of 8×8; the stand-in of quick mode."""

from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn import functional

from harness.config.datasets import SPECS, DatasetSpec
from harness.data.images import ImageSet, evenly_spaced
from harness.data.source import Source

_GREY_LEVELS = 16


def _read_all() -> tuple[ImageSet, ImageSet]:
    """Return 360 training and 1,437 test images: a fixed split, stratified by class.

    Few training images keep models below 99 %; with many test images, one image is 0.07 percentage points.
    """
    bunch = load_digits()
    pixels = torch.from_numpy(bunch.images * (255 / _GREY_LEVELS)).round().to(torch.uint8)[:, None]
    labels = torch.from_numpy(bunch.target).long()
    train, test = train_test_split(
        range(len(labels)), test_size=SPECS["digits"].test_images, random_state=0, stratify=bunch.target
    )
    return tuple(ImageSet(pixels[index], labels[index]) for index in (train, test))  # type: ignore[return-value]


def _read(train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
    train, test = _read_all()
    return (
        train.select(torch.tensor(evenly_spaced(len(train), train_limit))),
        test.select(torch.tensor(evenly_spaced(len(test), test_limit))),
    )


def locate() -> Source:
    """Return the digits, which are always present."""
    import sklearn.datasets

    spec = SPECS["digits"]
    path = Path(sklearn.datasets.__file__).parent
    return Source("embedded in scikit-learn", path, lambda: (spec.train_images, spec.test_images), lambda: True, _read)


def stand_in(spec: DatasetSpec, train_limit: int | None, test_limit: int | None) -> tuple[ImageSet, ImageSet]:
    """Return digits in another dataset's shape (32×32 if its sizes differ), for quick mode."""
    size = spec.image_size or 32

    def reshape(part: ImageSet) -> ImageSet:
        assert isinstance(part.pixels, torch.Tensor)
        grown = functional.interpolate(part.pixels, (size, size), mode="nearest")
        return ImageSet(grown.repeat(1, spec.channels, 1, 1), part.labels % spec.num_classes)

    train, test = _read(train_limit, test_limit)
    return reshape(train), reshape(test)
