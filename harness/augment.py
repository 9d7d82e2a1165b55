"""The study's augmentations, applied to a batch, each image with parameters of its own.

`draw` gives every image its parameters, distributed as torchvision's transforms would; `augment` applies them. For the
same parameters the result is torchvision's per-sample result: nearest-neighbour rotation by the same arithmetic, the
antialiased resize as the matrix that torchvision's own resize is. `prepare` is the deterministic part, for test images.

Images come as 8-bit tensors: (N, C, H, W), or a list of (C, H, W) where sizes differ. They leave as float32
(N, C, image_size, image_size).
"""

import functools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from harness.datasets.images import Pixels
from harness.recipes import Augmentation


@dataclass(frozen=True)
class Draw:
    """The random parameters of N images, each field of shape (N,)."""

    horizontal_flip: Tensor
    vertical_flip: Tensor
    angle_degrees: Tensor
    crop_side: Tensor
    crop_top: Tensor
    crop_left: Tensor

    def __getitem__(self, index: Tensor | slice) -> "Draw":
        return Draw(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def to(self, device: torch.device) -> "Draw":
        return Draw(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def draw(augmentation: Augmentation, count: int, image_size: int, generator: torch.Generator) -> Draw:
    """Parameters for ``count`` images, from ``generator`` alone (a CPU generator).

    Every field is drawn whether the augmentation uses it or not, so that switching one part off leaves the others'
    numbers as they were.
    """

    def uniform(dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.rand(count, generator=generator, dtype=dtype)

    least, most = augmentation.crop_scale or (1.0, 1.0)
    horizontal, vertical, turn = uniform(), uniform(), uniform()
    area = image_size**2 * (least + (most - least) * uniform(torch.float64))
    side = area.sqrt().round().long()
    positions = image_size - side + 1
    return Draw(
        horizontal_flip=(horizontal < 0.5) & augmentation.horizontal_flip,
        vertical_flip=(vertical < 0.5) & augmentation.vertical_flip,
        angle_degrees=augmentation.rotation_degrees * (2 * turn - 1),
        crop_side=side,
        crop_top=(uniform(torch.float64) * positions).long(),
        crop_left=(uniform(torch.float64) * positions).long(),
    )


def augment(pixels: Pixels, parameters: Draw, augmentation: Augmentation, image_size: int) -> Tensor:
    """Training images: the whole augmentation, with one draw per image.

    Raises:
        ValueError: images of another size than ``image_size`` under an augmentation that does not resize.
    """
    parts = _augment_rotation_first if augmentation.rotate_first else _augment_flips_first
    return _by_size(pixels, lambda group, index: parts(group, parameters[index], augmentation, image_size))


def prepare(pixels: Pixels, augmentation: Augmentation, image_size: int) -> Tensor:
    """Test images: the deterministic part alone (normalise, and resize where the augmentation does)."""

    def part(group: Tensor, _: Tensor | slice) -> Tensor:
        images = _normalise(group, augmentation)
        return _resize(images, image_size) if augmentation.rotate_first else _require_size(images, image_size)

    return _by_size(pixels, part)


def _by_size(pixels: Pixels, part: Callable[[Tensor, Tensor | slice], Tensor]) -> Tensor:
    """Apply ``part`` to images of one size at a time; results in the images' own order."""
    if isinstance(pixels, Tensor):
        return part(pixels, slice(None))
    groups: dict[torch.Size, list[int]] = defaultdict(list)
    for position, image in enumerate(pixels):
        groups[image.shape].append(position)
    out: Tensor | None = None
    for members in groups.values():
        index = torch.tensor(members, device=pixels[0].device)
        result = part(torch.stack([pixels[position] for position in members]), index)
        if out is None:
            out = result.new_empty((len(pixels), *result.shape[1:]))
        out[index] = result
    if out is None:
        raise ValueError("an empty batch has no images to prepare")
    return out


def _augment_flips_first(images: Tensor, parameters: Draw, augmentation: Augmentation, image_size: int) -> Tensor:
    """CIFAR-10's and FashionMNIST's order: normalise → flips → rotation → crop."""
    _require_size(images, image_size)
    index, inside = _flip_and_rotate_index(parameters, image_size)
    turned = _normalise(_take(images, index), augmentation)
    if augmentation.rotation_degrees:
        turned.mul_(inside[:, None])
    return turned if augmentation.crop_scale is None else _crop(turned, parameters)


def _augment_rotation_first(images: Tensor, parameters: Draw, augmentation: Augmentation, image_size: int) -> Tensor:
    """GTSRB's order: rotation of the 8-bit image → normalise → resize → flips."""
    if augmentation.rotation_degrees:
        index, inside = _pillow_rotation_index(parameters.angle_degrees, images.shape[2], images.shape[3])
        images = _take(images, index) * inside[:, None]
    resized = _resize(_normalise(images, augmentation), image_size)
    resized = torch.where(parameters.horizontal_flip[:, None, None, None], resized.flip(3), resized)
    return torch.where(parameters.vertical_flip[:, None, None, None], resized.flip(2), resized)


def _require_size(images: Tensor, image_size: int) -> Tensor:
    if images.shape[2:] != (image_size, image_size):
        height, width = images.shape[2:]
        raise ValueError(f"images are {width}×{height}, the recipe expects {image_size}×{image_size}")
    return images


def _normalise(images: Tensor, augmentation: Augmentation) -> Tensor:
    """To tensor (0 to 1), then mean and standard deviation per channel, in torchvision's order of operations."""
    mean = torch.tensor(augmentation.mean, device=images.device)[:, None, None]
    std = torch.tensor(augmentation.std, device=images.device)[:, None, None]
    return images.float().div_(255).sub_(mean).div_(std)


def _take(images: Tensor, index: Tensor) -> Tensor:
    """Each image's pixels at flat positions: images (N, C, H, W), index (N, H, W) into H·W."""
    count, channels, height, width = images.shape
    flat = index.reshape(count, 1, -1).expand(-1, channels, -1)
    return images.reshape(count, channels, -1).gather(2, flat).reshape(count, channels, height, width)


def _flip_and_rotate_index(parameters: Draw, size: int) -> tuple[Tensor, Tensor]:
    """Where each output pixel comes from: flat source positions and whether they lie inside, each (N, size, size).

    torchvision's tensor rotation is a nearest-neighbour grid_sample; this is its arithmetic, element-wise in float32
    (never as a matrix product, whose reduced precision on GPUs moves pixels). Flips come before the rotation, so they
    mirror the source position.
    """
    device = parameters.angle_degrees.device
    radians = -torch.deg2rad(parameters.angle_degrees.double())
    half = torch.tensor(0.5 * size, dtype=torch.float32, device=device)
    cosine = (radians.cos().float() / half)[:, None, None]
    sine = (radians.sin().float() / half)[:, None, None]
    centred = torch.arange(size, device=device, dtype=torch.float32) - (size - 1) / 2
    x, y = centred[None, None, :], centred[None, :, None]

    def nearest(grid: Tensor) -> tuple[Tensor, Tensor]:
        position = grid.add_(1).mul_(size / 2).sub_(0.5).round_()
        within = position.clamp(0, size - 1)
        return within, within == position

    def flipped(position: Tensor, flip: Tensor) -> Tensor:
        """size − 1 − position where flipped, else position; in float32, which is exact here and quicker than int64."""
        sign = 1 - 2 * flip.float()
        return position.mul_(sign[:, None, None]).add_((flip * (size - 1.0))[:, None, None])

    column, column_inside = nearest(x * cosine + y * sine)
    row, row_inside = nearest(y * cosine - x * sine)
    row, column = flipped(row, parameters.vertical_flip), flipped(column, parameters.horizontal_flip)
    return row.mul_(size).add_(column).long(), column_inside & row_inside


def _pillow_rotation_index(angle_degrees: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The same for Pillow's ``Image.rotate`` with NEAREST: 16.16 fixed-point arithmetic, bit for bit."""
    radians = -torch.deg2rad(angle_degrees.double())
    cosine, sine = radians.cos(), radians.sin()
    across = cosine * (-width / 2) + sine * (-height / 2) + width / 2
    down = -sine * (-width / 2) + cosine * (-height / 2) + height / 2

    def fixed(value: Tensor) -> Tensor:
        return (value * 65536 + 0.5).floor().long()[:, None, None]

    x = torch.arange(width, device=angle_degrees.device)[None, None, :]
    y = torch.arange(height, device=angle_degrees.device)[None, :, None]
    column = (fixed(across + cosine * 0.5 + sine * 0.5) + fixed(cosine) * x + fixed(sine) * y) >> 16
    row = (fixed(down - sine * 0.5 + cosine * 0.5) + fixed(-sine) * x + fixed(cosine) * y) >> 16
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return row.clamp(0, height - 1) * width + column.clamp(0, width - 1), inside


@functools.lru_cache(maxsize=512)
def _resize_matrix(source: int, target: int) -> Tensor:
    """torchvision's antialiased bilinear resize of one axis as a matrix (target, source): what it does to identity."""
    identity = torch.eye(source)[None, None]
    resized = functional.interpolate(identity, (target, source), mode="bilinear", antialias=True, align_corners=False)
    return resized[0, 0]


def _resize(images: Tensor, size: int) -> Tensor:
    """(N, C, H, W) to (N, C, size, size), antialiased, width first as torchvision does it."""
    height, width = images.shape[2:]
    if (height, width) == (size, size):
        return images
    to_height, to_width = (_resize_matrix(source, size).to(images.device) for source in (height, width))
    return to_height @ (images @ to_width.T)


@functools.lru_cache(maxsize=4096)
def _crop_matrix(size: int, side: int, offset: int) -> Tensor:
    """Crop and resize of one axis, as a matrix (size, size): ``side`` pixels from ``offset`` on become ``size``."""
    matrix = torch.zeros(size, size)
    matrix[:, offset : offset + side] = _resize_matrix(side, size)
    return matrix


def _crop_matrices(size: int, sides: Tensor, offsets: Tensor) -> Tensor:
    """The matrix of each image, (N, size, size); each that occurs is made once."""
    keys, which = torch.unique(sides * size + offsets, return_inverse=True)
    matrices = [_crop_matrix(size, key // size, key % size) for key in keys.tolist()]
    return torch.stack(matrices).to(sides.device)[which]


def _crop(images: Tensor, parameters: Draw) -> Tensor:
    """Each image's own square, resized back to the image's size: A_y · image · A_xᵀ."""
    count, channels, size = images.shape[:3]
    to_height = _crop_matrices(size, parameters.crop_side, parameters.crop_top)
    to_width = _crop_matrices(size, parameters.crop_side, parameters.crop_left)
    narrowed = torch.bmm(images.reshape(count, channels * size, size), to_width.transpose(1, 2))
    return to_height[:, None] @ narrowed.reshape(count, channels, size, size)
