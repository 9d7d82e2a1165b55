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
from harness.config.datasets import is_resized
from harness.config.recipe import Recipe

Step = Mapping[str, Any]


def steps_of(case: Case, channels: int) -> list[Step]:
    """Return a case's steps in order: decode, resize, scale, normalise; GTSRB's recipe resizes last."""
    augmentation = case.recipe.augmentation
    mode = "RGB" if channels == 3 else "L"
    decode = {"step": "decode", "mode": mode, "does": f"Read the file, e.g. by Pillow, as 8-bit {mode}."}
    resize = _resize_step(case.recipe)
    scale = {"step": "scale", "divide_by": 255, "does": "Divide the pixels by this number, in float32."}
    normalise = {"step": "normalise", "mean": list(augmentation.mean), "std": list(augmentation.std)}
    normalise["does"] = "Subtract each channel's mean, then divide by its std."
    if augmentation.rotate_first and not is_resized(case.dataset):
        return [decode, scale, normalise, resize]
    return [decode, resize, scale, normalise]


def _resize_step(recipe: Recipe) -> Step:
    side = recipe.image_size
    step = {"step": "resize", "height": side, "width": side, "method": "bilinear", "antialias": True}
    if recipe.fit == "squash":
        return step | {"does": "Resize an image of another size, as Pillow's Image.resize with BILINEAR does."}
    does = "Resize the shorter side as Pillow's Image.resize with BILINEAR does, then cut out the centre."
    return step | {"fit": recipe.fit, "does": does}


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
    side = step["width"]  # height and width are equal
    height, width = image.shape[1:]
    sides = (side, side)
    if step.get("fit") == "crop":
        sides = (side * width // min(height, width), side * height // min(height, width))
    planes = [np.asarray(Image.fromarray(plane).resize(sides, Image.Resampling.BILINEAR)) for plane in image]
    left, top = (round((length - side) / 2) for length in sides)
    return np.stack(planes)[:, top : top + side, left : left + side]


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
