"""The study's augmentations, applied to a batch, each image with its own random parameters.

`augment` applies the parameters that `harness.data.augment_parameters.draw` drew; for the same parameters the result is
torchvision's per-sample result. `prepare` is the deterministic part, for test images. Two orders exist: GTSRB's, in
`harness.data.augment_rotate_first`, and that of the other datasets, here: normalise → pad and crop → flips → rotation
→ crop.

Images come as 8-bit tensors, (N, C, H, W), or packed if sizes differ. They leave as float32,
(N, C, image_size, image_size).
"""

import torch
from torch import Tensor

from harness.config.recipe import Augmentation
from harness.data.augment_parameters import AugmentationParameters
from harness.data.augment_rotate_first import rotate_and_resize
from harness.data.images import Pixels
from harness.data.pixel_operations import normalise, resize_matrices
from harness.hardware.device import computing_at


def augment(pixels: Pixels, parameters: AugmentationParameters, augmentation: Augmentation, image_size: int) -> Tensor:
    """Augment training images with one draw per image.

    Raises:
        ValueError: the batch is empty, or the augmentation does not resize and an image is not of ``image_size``.
    """
    _require_images(pixels)
    with computing_at("fp32"):  # the matrix products of resize and crop, even if the network's have less precision
        if augmentation.rotate_first:
            return rotate_and_resize(pixels, parameters, augmentation, image_size)
        return _augment_flips_first(_of_one_size(pixels, image_size), parameters, augmentation)


def prepare(pixels: Pixels, augmentation: Augmentation, image_size: int) -> Tensor:
    """Prepare test images: normalise them, and resize them if the augmentation resizes.

    Raises:
        ValueError: the batch is empty, or the augmentation does not resize and an image is not of ``image_size``.
    """
    _require_images(pixels)
    has_the_size = isinstance(pixels, Tensor) and pixels.shape[2:] == (image_size, image_size)
    if augmentation.rotate_first and not has_the_size:
        with computing_at("fp32"):
            return rotate_and_resize(pixels, None, augmentation, image_size)
    return normalise(_of_one_size(pixels, image_size), augmentation)


def _of_one_size(pixels: Pixels, size: int) -> Tensor:
    """Return the images as one tensor, (N, C, size, size)."""
    for image in pixels[:1] if isinstance(pixels, Tensor) else pixels:
        height, width = image.shape[1:]
        if (height, width) != (size, size):
            raise ValueError(f"images are {width}×{height}, the recipe expects {size}×{size}")
    return pixels if isinstance(pixels, Tensor) else torch.stack(list(pixels))


def _require_images(pixels: Pixels) -> None:
    if len(pixels) == 0:
        raise ValueError("the batch is empty: give at least one image")


def _augment_flips_first(images: Tensor, parameters: AugmentationParameters, augmentation: Augmentation) -> Tensor:
    """Augment in the order normalise → pad and crop → flips → rotation → crop."""
    index, inside = _source_index(parameters, images.shape[3], is_padded=augmentation.padding > 0)
    turned = normalise(_take(images, index), augmentation)
    if augmentation.rotation_degrees or augmentation.padding:
        turned.mul_(inside[:, None])
    return turned if augmentation.crop_scale is None else _crop(turned, parameters)


def _take(images: Tensor, index: Tensor) -> Tensor:
    """Return each image's pixels at flat positions: images (N, C, H, W), index (N, H, W) into H·W."""
    count, channels, height, width = images.shape
    flat = index.reshape(count, 1, -1).expand(-1, channels, -1)
    return images.reshape(count, channels, -1).gather(2, flat).reshape(count, channels, height, width)


def _source_index(parameters: AugmentationParameters, size: int, *, is_padded: bool) -> tuple[Tensor, Tensor]:
    """Return each output pixel's flat source position, and the mask of sources inside the image.

    Both are (N, size, size). torchvision's tensor rotation is a nearest-neighbour grid_sample. This is its arithmetic,
    element-wise in float32: a matrix product has reduced precision on GPUs and moves pixels. Flips come before the
    rotation, so they mirror the source position, and the crop of the padded image before the flips, so it shifts that.
    """
    device = parameters.angle_degrees.device
    radians = -torch.deg2rad(parameters.angle_degrees.double())
    half = torch.full((), 0.5 * size, dtype=torch.float32, device=device)
    cosine = (radians.cos().float() / half)[:, None, None]
    sine = (radians.sin().float() / half)[:, None, None]
    centred = torch.arange(size, device=device, dtype=torch.float32) - (size - 1) / 2
    x, y = centred[None, None, :], centred[None, :, None]

    def nearest(grid: Tensor) -> tuple[Tensor, Tensor]:
        position = grid.add_(1).mul_(size / 2).sub_(0.5).round_()
        within = position.clamp(0, size - 1)
        return within, within == position

    def flipped(position: Tensor, flip: Tensor) -> Tensor:
        """Return size − 1 − position if flipped, else position; float32 is exact here and faster than int64."""
        sign = 1 - 2 * flip.float()
        return position.mul_(sign[:, None, None]).add_((flip * (size - 1.0))[:, None, None])

    column, column_inside = nearest(x * cosine + y * sine)
    row, row_inside = nearest(y * cosine - x * sine)
    row, column = flipped(row, parameters.vertical_flip), flipped(column, parameters.horizontal_flip)
    inside = column_inside & row_inside
    if is_padded:
        for position, shift in ((row, parameters.shift_down), (column, parameters.shift_right)):
            position.add_(shift[:, None, None])
            inside &= (position >= 0) & (position < size)
            position.clamp_(0, size - 1)
    return row.mul_(size).add_(column).long(), inside


def _crop_matrices(size: int, sides: Tensor, starts: Tensor) -> Tensor:
    """Return the matrix of each image's crop along one axis, (N, size, size)."""
    if sides.device.type != "cpu":  # finding equal crops would make the CPU wait for the GPU
        return resize_matrices(sides, size, size, starts=starts)
    keys, which = torch.unique(sides * size + starts, return_inverse=True)
    return resize_matrices(keys // size, size, size, starts=keys % size)[which]


def _crop(images: Tensor, parameters: AugmentationParameters) -> Tensor:
    """Cut out each image's square and resize it to the image's size: A_y · image · A_xᵀ."""
    count, channels, size = images.shape[:3]
    to_height = _crop_matrices(size, parameters.crop_side, parameters.crop_top)
    to_width = _crop_matrices(size, parameters.crop_side, parameters.crop_left)
    narrowed = torch.bmm(images.reshape(count, channels * size, size), to_width.transpose(1, 2))
    return to_height[:, None] @ narrowed.reshape(count, channels, size, size)
