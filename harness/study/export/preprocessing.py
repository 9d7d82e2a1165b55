"""The steps from an image to a network's input, as data, and their execution in NumPy and Pillow.

The steps describe what `harness.data.augment.prepare` does to test images. They are executed here without torch, as a
service would, so that a check of an exported network checks their description too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.config.case import Case
from harness.config.datasets import is_own_images

Step = Mapping[str, Any]


def steps_of(case: Case, channels: int) -> list[Step]:
    """Return a case's steps in order: decode, resize, scale, normalise; GTSRB's recipe resizes last."""
    side, augmentation = case.recipe.image_size, case.recipe.augmentation
    mode = "RGB" if channels == 3 else "L"
    decode = {"step": "decode", "mode": mode, "does": f"Read the file, e.g. by Pillow, as 8-bit {mode}."}
    resize = {"step": "resize", "height": side, "width": side, "method": "bilinear", "antialias": True}
    resize["does"] = "Resize an image of another size, as Pillow's Image.resize with BILINEAR does."
    scale = {"step": "scale", "divide_by": 255, "does": "Divide the pixels by this number, in float32."}
    normalise = {"step": "normalise", "mean": list(augmentation.mean), "std": list(augmentation.std)}
    normalise["does"] = "Subtract each channel's mean, then divide by its std."
    if augmentation.rotate_first and not is_own_images(
        case.dataset
    ):  # a user's images are resized when they are decoded
        return [decode, scale, normalise, resize]
    return [decode, resize, scale, normalise]


def split_steps(case: Case, channels: int, inside_the_model: bool) -> tuple[list[Step], list[Step]]:
    """Return the steps before the model and those inside it: none, or all from the scaling on."""
    steps = steps_of(case, channels)
    first = [step["step"] for step in steps].index("scale") if inside_the_model else len(steps)
    return steps[:first], steps[first:]


def apply_steps(image: NDArray[Any], steps: Sequence[Step]) -> NDArray[Any]:
    """Prepare one decoded image, (C, H, W), by these steps, without torch."""
    for step in steps:
        image = _ACTIONS[step["step"]](image, step)
    return image


def _resize(image: NDArray[Any], step: Step) -> NDArray[Any]:
    size = (step["width"], step["height"])
    planes = [Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR) for plane in image]
    return np.stack([np.asarray(plane) for plane in planes])


def _scale(image: NDArray[Any], step: Step) -> NDArray[Any]:
    return image.astype(np.float32) / np.float32(step["divide_by"])


def _normalise(image: NDArray[Any], step: Step) -> NDArray[Any]:
    mean, std = (np.array(step[name], np.float32)[:, None, None] for name in ("mean", "std"))
    normalised: NDArray[Any] = (image - mean) / std
    return normalised


_ACTIONS: Mapping[str, Callable[[NDArray[Any], Step], NDArray[Any]]] = {
    "decode": lambda image, _: image,
    "resize": _resize,
    "scale": _scale,
    "normalise": _normalise,
}
