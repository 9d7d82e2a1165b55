"""Checks of the images: augmented on the device as on the CPU, streamed as resident."""

import torch
from torch import Tensor

from harness.config.datasets import SPECS
from harness.config.recipe import Recipe
from harness.config.recipes import PUBLISHED_RECIPES
from harness.data.augment import augment, prepare
from harness.data.augment_parameters import draw_parameters
from harness.data.images import PackedPixels, Pixels, random_images
from harness.hardware.stopwatch import Stopwatch
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.steps import TOLERANCES
from harness.throughput.doctor.subject import Subject
from harness.training.trainers.streaming import augmentation_device

_PIXEL_TOLERANCE = 1e-3  # of normalised pixels; one grey level is 1 ÷ 255 ÷ 0.25 = 0.016
# The nearest source pixel of a rotation is decided by a rounding, which may differ between devices for a few.
_MOST_OFF = 1e-3
_LARGE = 100  # pixels along a side


def augmentation_equals_the_cpus(subject: Subject) -> Outcome:
    """Compare each recipe's batches, augmented on the device, with single images on the CPU."""
    shares = {}
    for name in ("cifar10", "fashionmnist", "gtsrb", "digits"):
        recipe = PUBLISHED_RECIPES[name]
        count = subject.augmented_images // (1 if recipe.image_size < _LARGE else 8)
        pixels = _pixels(name, recipe, count)
        shares[name] = _share_off(pixels, recipe, augmentation_device(subject.device))
    text = ", ".join(f"{name} {share:.1e}" for name, share in shares.items())
    worst = max(shares.values())
    return passed_if(worst <= _MOST_OFF, f"share of pixels that differ: {text}", largest_share=worst)


def streamed_equals_resident(subject: Subject) -> Outcome:
    """Compare an epoch on images in the GPU's memory with one on images streamed to it."""
    if not subject.is_cuda:
        return not_applicable("the images are in the memory that the CPU computes in")
    states = []
    for is_resident in (True, False):
        trainer = subject.trainer(is_captured=False)
        if not is_resident:
            trainer.switch_off("resident", "the checks stream the images")
        placed = trainer.place(subject.images)
        if is_resident and placed.labels.device.type != trainer.device.type:
            reason = trainer.switched_off.get("resident", "too little of the GPU's memory is free")
            return not_applicable(f"images can only be streamed: {reason}")
        trainer.train_epoch(placed, 0, Stopwatch(subject.device))
        states.append(trainer.weights())
    found = subject.difference(*states)
    return passed_if(found <= TOLERANCES["fp32"], f"relative difference {found:.1e} after an epoch", difference=found)


def _pixels(dataset: str, recipe: Recipe, count: int) -> Pixels:
    """Return random images of the dataset's shape; of different sizes for GTSRB, whose images differ."""
    spec = SPECS[dataset]
    if spec.image_size is not None:
        return random_images(spec, recipe, count).pixels
    generator = torch.Generator().manual_seed(0)
    sides = torch.randint(15, 246, (count,), generator=generator).tolist()
    shapes = [(spec.channels, side, side + 3) for side in sides]
    return PackedPixels.from_images(
        [torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for shape in shapes]
    )


def _share_off(pixels: Pixels, recipe: Recipe, device: torch.device) -> float:
    """Return the share of pixels that the device computes otherwise than the CPU, training or not."""
    augmentation, size, count = recipe.augmentation, recipe.image_size, len(pixels)
    drawn = draw_parameters(augmentation, count, size, torch.Generator().manual_seed(0))
    there = pixels.to(device)
    on_device = [augment(there, drawn.to(device), augmentation, size), prepare(there, augmentation, size)]
    one_by_one: list[tuple[Tensor, Tensor]] = []
    for position in range(count):
        index = torch.tensor([position])
        image = pixels[index] if isinstance(pixels, Tensor) else pixels.select(index)
        one_by_one.append((augment(image, drawn[index], augmentation, size), prepare(image, augmentation, size)))
    on_cpu = [torch.cat(parts) for parts in zip(*one_by_one, strict=True)]
    off = [~((there.cpu() - here).abs() <= _PIXEL_TOLERANCE) for there, here in zip(on_device, on_cpu, strict=True)]
    return max(float(one.float().mean()) for one in off)
