"""The check of an exported network: onnxruntime against recorded predictions and torch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from harness.config.recipe import Recipe
from harness.data.augment import prepare
from harness.data.images import ImageSet, evenly_spaced
from harness.data.registry import Dataset
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.study.export.files import Export
from harness.study.export.onnx_model import INPUT, OUTPUT
from harness.study.export.preprocessing import apply_steps
from harness.study.reproduce import require_same_images
from harness.training.trainers.fast import evaluation_batch_size

# A prediction may differ from the recorded one if torch's own logits of the two classes, in float32, are both within
# this share of the greatest absolute logit below the image's greatest. Measured rounding of logits (2026-11-28,
# CIFAR family to 110 layers): bf16 0.007 to 0.02; (also resnet24 to 101) float32 3e-7 to 6e-5. tf32 has three bits more
# than bf16.
ROUNDING = {"fp32": 1 / 1024, "tf32": 1 / 256, "bf16": 1 / 32}
_CHEAP_MACS = 10**12  # a minute or two on two cores
_LEAST_IMAGES = 100


@dataclass(frozen=True)
class Check:
    """The predictions of an exported network on test images.

    Attributes:
        images: the number of images checked.
        test_images: the number of test images.
        equal: the number predicted as recorded.
        rounding: the number predicted differently that the precision of training does not resolve: see `ROUNDING`.
        tolerance: the difference of logits up to which it does not.
        greatest_logit: the greatest absolute logit of torch.
        greatest_logit_difference: the greatest absolute difference from torch's logits, computed in float32.
    """

    images: int
    test_images: int
    equal: int
    rounding: int
    tolerance: float
    greatest_logit: float
    greatest_logit_difference: float

    @property
    def different(self) -> int:
        """The number of images predicted differently, and not by rounding."""
        return self.images - self.equal - self.rounding

    @property
    def has_torchs_logits(self) -> bool:
        """True if the logits equal torch's up to the rounding of float32."""
        return self.greatest_logit_difference <= ROUNDING["fp32"] * self.greatest_logit

    @property
    def is_passed(self) -> bool:
        """True if the export reproduces the recorded predictions and torch's logits."""
        return not self.different and self.has_torchs_logits


def check_export(exported: Export, results: ResultsFolder, dataset: Dataset, *, all_images: bool = False) -> Check:
    """Run exported files on test images as a service would; compare logits and predictions.

    Images are prepared by the steps in ``preprocessing.json``, without torch.

    Args:
        all_images: check every test image, however long it takes; else as many as a minute or two allow.

    Raises:
        InputError: the images are others, or the recorded predictions are missing or damaged.
    """
    result = exported.result
    require_same_images(result, dataset)
    _, recorded = results.read_predictions(result)
    index = evenly_spaced(len(recorded), None if all_images else affordable_images(result))
    images = dataset.test.select(torch.tensor(index))
    session = onnxruntime.InferenceSession(exported.paths[0], providers=["CPUExecutionProvider"])
    found, expected = [], []
    for batch in _batches(images, result.case.recipe):
        found.append(_logits_of_onnxruntime(session, batch, exported.description["steps"]))
        expected.append(_logits_of_torch(exported, batch))
    return compare(
        result.case.precision, recorded[index], np.concatenate(found), np.concatenate(expected), len(recorded)
    )


def affordable_images(result: Result) -> int:
    """Return the number of images that are checked without ``--all-images``."""
    return max(_LEAST_IMAGES, _CHEAP_MACS // result.macs)


def compare(
    precision: str, recorded: NDArray[np.integer], found: NDArray[Any], expected: NDArray[Any], test_images: int
) -> Check:
    """Compare logits, (N, classes), with the recorded classes, (N,), and with torch's logits.

    Args:
        precision: that of the training.
    """
    greatest = float(np.abs(expected).max())
    tolerance = ROUNDING[precision] * greatest
    predicted = found.argmax(1)
    equal = predicted == recorded
    both = np.stack([predicted, recorded], axis=1).astype(np.int64)
    behind = expected.max(1) - np.take_along_axis(expected, both, 1).min(1)
    rounding = ~equal & (behind <= tolerance)
    difference = float(np.abs(found - expected).max())
    return Check(len(recorded), test_images, int(equal.sum()), int(rounding.sum()), tolerance, greatest, difference)


def _batches(images: ImageSet, recipe: Recipe) -> Iterator[ImageSet]:
    """Yield images in batches of one size each."""
    size = 1 if not isinstance(images.pixels, torch.Tensor) else evaluation_batch_size(recipe, images.pixels.shape[1])
    for start in range(0, len(images), size):
        yield images.select(torch.arange(start, min(start + size, len(images))))


def _logits_of_onnxruntime(
    session: onnxruntime.InferenceSession, images: ImageSet, steps: Sequence[Any]
) -> NDArray[np.float32]:
    prepared = np.stack([apply_steps(image.numpy(), steps) for image in images.pixels])
    logits: NDArray[np.float32] = session.run([OUTPUT], {INPUT: prepared})[0]
    return logits


@torch.inference_mode()
def _logits_of_torch(exported: Export, images: ImageSet) -> NDArray[Any]:
    recipe = exported.result.case.recipe
    logits: NDArray[Any] = exported.network(prepare(images.pixels, recipe.augmentation, recipe.image_size)).numpy()
    return logits
