"""The random parameters of augmentation: one draw per image, distributed as torchvision's."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from harness.config.recipe import Augmentation
from harness.data.pixel_operations import to_device


@dataclass(frozen=True)
class AugmentationParameters:
    """The random parameters of N images, each field of shape (N,).

    Attributes:
        horizontal_flip, vertical_flip: bool.
        angle_degrees: float32, counter-clockwise.
        crop_side, crop_top, crop_left: int64, pixels of the square crop.
        shift_down, shift_right: int64, pixels from the image's corner to that of the crop of the padded image.
    """

    horizontal_flip: Tensor
    vertical_flip: Tensor
    angle_degrees: Tensor
    crop_side: Tensor
    crop_top: Tensor
    crop_left: Tensor
    shift_down: Tensor
    shift_right: Tensor

    def __getitem__(self, index: Tensor | slice) -> "AugmentationParameters":
        return AugmentationParameters(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def to(self, device: torch.device) -> "AugmentationParameters":
        return AugmentationParameters(
            **{field.name: to_device(getattr(self, field.name), device) for field in fields(self)}
        )


def draw_parameters(
    augmentation: Augmentation, count: int, image_size: int, generator: torch.Generator
) -> AugmentationParameters:
    """Draw the parameters of ``count`` images from ``generator``, a CPU generator.

    Every field is drawn even if the augmentation does not use it, so that switching one part off does not change the
    other parts' numbers.
    """

    padding = augmentation.padding

    def uniform(dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.rand(count, generator=generator, dtype=dtype)

    least, most = augmentation.crop_scale or (1.0, 1.0)
    horizontal, vertical, turn = uniform(), uniform(), uniform()
    area = image_size**2 * (least + (most - least) * uniform(torch.float64))
    side = area.sqrt().round().long()
    positions = image_size - side + 1
    return AugmentationParameters(
        horizontal_flip=(horizontal < 0.5) & augmentation.horizontal_flip,
        vertical_flip=(vertical < 0.5) & augmentation.vertical_flip,
        angle_degrees=augmentation.rotation_degrees * (2 * turn - 1),
        crop_side=side,
        crop_top=(uniform(torch.float64) * positions).long(),
        crop_left=(uniform(torch.float64) * positions).long(),
        shift_down=(uniform(torch.float64) * (2 * padding + 1)).long() - padding,
        shift_right=(uniform(torch.float64) * (2 * padding + 1)).long() - padding,
    )
