"""The study's augmentations, applied to a batch, each image with parameters of its own.

`draw` gives every image its parameters, distributed as torchvision's transforms would; `augment` applies them. For the
same parameters the result is torchvision's per-sample result: nearest-neighbour rotation by the same arithmetic, the
antialiased resize as the matrix that torchvision's own resize is. `prepare` is the deterministic part, for test images.

Images come as 8-bit tensors: (N, C, H, W), or packed where sizes differ. They leave as float32
(N, C, image_size, image_size).
"""

import functools
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from harness.config.recipes import Augmentation
from harness.data.images import PackedPixels, Pixels
from harness.hardware.device import computing_at

_SIDE_STEP = 32  # pixels; images whose longer sides round up to the same multiple are one batch
# What is computed together, in bytes of float32 pixels before or after the resize, whichever is more: on a CPU little
# enough for its cache, on a GPU so much that only large images are divided further.
_CPU_BLOCK_BYTES = 8 * 2**20
_GPU_BLOCK_BYTES = 128 * 2**20
_ONE_BY_ONE_ON = ("cpu",)  # devices where a matrix product for each image beats one for all, padding and all


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
    with computing_at("fp32"):  # the products of resize and crop, whatever the network's are computed at
        if augmentation.rotate_first:
            return _rotate_and_resize(pixels, parameters, augmentation, image_size)
        return _augment_flips_first(_of_one_size(pixels, image_size), parameters, augmentation)


def prepare(pixels: Pixels, augmentation: Augmentation, image_size: int) -> Tensor:
    """Test images: the deterministic part alone (normalise, and resize where the augmentation does).

    Raises:
        ValueError: images of another size than ``image_size`` under an augmentation that does not resize.
    """
    has_the_size = isinstance(pixels, Tensor) and pixels.shape[2:] == (image_size, image_size)
    if augmentation.rotate_first and not has_the_size:
        with computing_at("fp32"):
            return _rotate_and_resize(pixels, None, augmentation, image_size)
    return _normalise(_of_one_size(pixels, image_size), augmentation)


def _of_one_size(pixels: Pixels, size: int) -> Tensor:
    """The images as one tensor (N, C, size, size)."""
    _refuse_none(pixels)
    for image in pixels[:1] if isinstance(pixels, Tensor) else pixels:
        height, width = image.shape[1:]
        if (height, width) != (size, size):
            raise ValueError(f"images are {width}×{height}, the recipe expects {size}×{size}")
    return pixels if isinstance(pixels, Tensor) else torch.stack(list(pixels))


def _refuse_none(pixels: Pixels) -> None:
    if len(pixels) == 0:
        raise ValueError("an empty batch has no images to prepare")


def _augment_flips_first(images: Tensor, parameters: Draw, augmentation: Augmentation) -> Tensor:
    """CIFAR-10's and FashionMNIST's order: normalise → flips → rotation → crop."""
    index, inside = _flip_and_rotate_index(parameters, images.shape[3])
    turned = _normalise(_take(images, index), augmentation)
    if augmentation.rotation_degrees:
        turned.mul_(inside[:, None])
    return turned if augmentation.crop_scale is None else _crop(turned, parameters)


def _rotate_and_resize(pixels: Pixels, drawn: Draw | None, augmentation: Augmentation, image_size: int) -> Tensor:
    """GTSRB's order: rotation of the 8-bit image → normalise → resize → flips. Without a draw nothing is random."""
    _refuse_none(pixels)
    packed = PackedPixels.from_batch(pixels) if isinstance(pixels, Tensor) else pixels
    # Rows before channels: then the second product of the resize is one matrix product per image, not one per channel.
    out = torch.empty(len(packed), image_size, packed.channels, image_size, device=packed.device)
    for members in _blocks(packed, image_size):
        place = _to_device(members, packed.device)
        _fill_block(out, place, packed.select(members), None if drawn is None else drawn[place], augmentation)
    return out.transpose(1, 2)


def _blocks(packed: PackedPixels, image_size: int) -> list[Tensor]:
    """Positions, on the CPU, of images that are computed together: of similar size, and not too many at a time.

    Few and large groups suit a GPU, which takes longer to be told of a batch than to compute a padded one.
    """
    block_bytes = _CPU_BLOCK_BYTES if packed.device.type == "cpu" else _GPU_BLOCK_BYTES
    longer = torch.maximum(packed.heights, packed.widths)
    steps = (longer - 1) // _SIDE_STEP
    order = packed.heights.argsort(stable=True)  # by height within a group, so that no block is higher than need be
    order = order[steps[order].argsort(stable=True)]
    blocks: list[Tensor] = []
    for group in torch.split(order, steps.bincount().tolist()):
        if len(group):
            side = max(int(longer[group].max()), image_size)
            blocks += torch.split(group, max(1, block_bytes // (4 * packed.channels * side**2)))
    return blocks


def _fill_block(
    out: Tensor, place: Tensor, images: PackedPixels, drawn: Draw | None, augmentation: Augmentation
) -> None:
    """Write images of similar size to their places in ``out``, (N, size, C, size).

    Each lies in the top left corner of a frame that holds the largest. What is in a frame beyond its image counts for
    nothing, as the resize matrices are zero there.
    """
    target = out.shape[1]
    places_and_sizes = torch.stack([images.offsets, images.heights, images.widths])
    sizes, (height, width) = places_and_sizes[1:], places_and_sizes[1:].amax(1).tolist()
    placed = _to_device(places_and_sizes, images.device)
    angles = drawn.angle_degrees if drawn is not None and augmentation.rotation_degrees else None
    frames = _normalise(_frames(images, placed, (height, width), angles), augmentation, axis=2)
    horizontal, vertical = (drawn.horizontal_flip, drawn.vertical_flip) if drawn is not None else (None, None)
    if bool((sizes == target).all()):  # nothing to resize
        out[place] = _mirror(_mirror(frames, horizontal, 3), vertical, 1)
        return
    if images.device.type in _ONE_BY_ONE_ON:
        _resize_one_by_one(out, place, frames, sizes, vertical, horizontal)
    else:
        to_height = _resize_matrices(placed[1], height, target, mirrored=vertical)
        to_width = _resize_matrices(placed[2], width, target, mirrored=horizontal)
        out[place] = _resize_at_once(frames, to_height, to_width)


def _resize_at_once(frames: Tensor, to_height: Tensor, to_width: Tensor) -> Tensor:
    """Frames (N, height, C, width), brought to the size of their matrices: width first, as torchvision does it."""
    count, height, channels, width = frames.shape
    narrowed = torch.bmm(frames.view(count, height * channels, width), to_width.transpose(1, 2))
    return torch.bmm(to_height, narrowed.view(count, height, -1)).view(count, -1, channels, to_width.shape[1])


def _resize_one_by_one(
    out: Tensor, place: Tensor, frames: Tensor, sizes: Tensor, vertical: Tensor | None, horizontal: Tensor | None
) -> None:
    """The same for a CPU, written to ``out``: without the frames' empty parts, new matrices or a copy of the result."""
    target, channels, width = out.shape[1], *frames.shape[2:]
    mirrored = [[False] * len(frames) if flips is None else flips.tolist() for flips in (vertical, horizontal)]
    loop = zip(place.tolist(), *sizes.tolist(), *mirrored, frames, strict=True)
    for position, rows, columns, upside_down, left_to_right, frame in loop:
        pixels = frame.view(-1, width)[: rows * channels, :columns]
        narrowed = (pixels @ _resize_matrix(columns, target, left_to_right).T).view(rows, -1)
        torch.mm(_resize_matrix(rows, target, upside_down), narrowed, out=out[position].view(target, -1))


def _to_device(values: Tensor, device: torch.device) -> Tensor:
    """Without waiting for a GPU; safe, as a copy from pageable memory has read all of it when the call returns."""
    return values.to(device, non_blocking=True)


def _normalise(images: Tensor, augmentation: Augmentation, axis: int = 1) -> Tensor:
    """To tensor (0 to 1), then mean and standard deviation per channel, in torchvision's order of operations.

    Args:
        axis: the channels'.
    """
    shape = [-1 if dimension == axis else 1 for dimension in range(images.ndim)]
    mean, std = (
        _to_device(torch.tensor(values), images.device).view(shape) for values in (augmentation.mean, augmentation.std)
    )
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


def _frames(images: PackedPixels, placed: Tensor, frame: tuple[int, int], angles: Tensor | None) -> Tensor:
    """Every image, rotated where there are angles, in a frame of its own: uint8, (N, frame height, C, frame width).

    Args:
        placed: the images' offsets, heights and widths on their device, (3, N).
        frame: height and width.
    """
    y, x = (torch.arange(length, device=images.device) for length in frame)
    if angles is None:
        row, column, inside = y[None, :, None], x[None, None, :], None
    else:
        row, column, inside = _pillow_rotation_source(angles, placed[1], placed[2], y, x)
    offsets, heights, widths = placed[:, :, None, None]
    row, column = torch.minimum(row.clamp(min=0), heights - 1), torch.minimum(column.clamp(min=0), widths - 1)
    planes = torch.arange(images.channels, device=images.device)[:, None] * (heights * widths)[..., None]
    pixels = images.buffer.take((offsets + row * widths + column)[:, :, None] + planes)
    return pixels if inside is None else pixels.mul_(inside[:, :, None])


def _pillow_rotation_source(
    angle_degrees: Tensor, heights: Tensor, widths: Tensor, y: Tensor, x: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where Pillow's ``Image.rotate`` with NEAREST takes each pixel from: 16.16 fixed-point arithmetic, bit for bit.

    Source rows, columns and whether they lie inside the image, each (N, len(y), len(x)); each image has its own size.
    """
    radians = -torch.deg2rad(angle_degrees.double())
    cosine, sine = radians.cos(), radians.sin()
    across = cosine * (-widths / 2) + sine * (-heights / 2) + widths / 2
    down = -sine * (-widths / 2) + cosine * (-heights / 2) + heights / 2

    def fixed(value: Tensor) -> Tensor:
        return (value * 65536 + 0.5).floor().long()[:, None, None]

    x, y, heights, widths = x[None, None, :], y[None, :, None], heights[:, None, None], widths[:, None, None]
    column = (fixed(across + cosine * 0.5 + sine * 0.5) + fixed(cosine) * x + fixed(sine) * y) >> 16
    row = (fixed(down - sine * 0.5 + cosine * 0.5) + fixed(-sine) * x + fixed(cosine) * y) >> 16
    return row, column, (column >= 0) & (column < widths) & (row >= 0) & (row < heights)


def _mirror(images: Tensor, mirrored: Tensor | None, axis: int) -> Tensor:
    """Those images mirrored that are to be; (N, ·, ·, ·), mirrored (N,)."""
    return images if mirrored is None else torch.where(mirrored[:, None, None, None], images.flip(axis), images)


def _resize_matrices(
    sources: Tensor, columns: int, target: int, *, starts: Tensor | None = None, mirrored: Tensor | None = None
) -> Tensor:
    """torchvision's antialiased bilinear resize of one axis as matrices (N, target, columns), mirrored where said.

    Matrix k resizes ``sources[k]`` of the columns, from ``starts[k]`` (or the first) on; the others are zero. The
    arithmetic is that of torch's ``interpolate``, in float32 where its rounding shows: scale, centres, first and last.
    """
    scale = (sources.double() / target).float()[:, None]
    centres = (scale.double() * (torch.arange(target, device=sources.device) + 0.5)).float()
    if mirrored is not None:
        centres = torch.where(mirrored[:, None], centres.flip(1), centres)
    reach = scale.clamp(min=1)
    first = ((centres - reach).double() + 0.5).long().clamp(min=0)
    end = torch.minimum(((centres + reach).double() + 0.5).long(), sources[:, None])
    column = torch.arange(columns, device=sources.device)[None, None]
    if starts is not None:
        column = column - starts[:, None, None]
    weights = (column + 0.5 - centres[:, :, None]).abs_().mul_(-1 / reach[:, :, None]).add_(1).clamp_(min=0)
    weights.mul_((column >= first[:, :, None]) & (column < end[:, :, None]))
    return weights.div_(weights.sum(2, keepdim=True))


@functools.lru_cache(maxsize=1024)
def _resize_matrix(source: int, target: int, mirrored: bool) -> Tensor:
    """One such matrix, (target, source), on the CPU."""
    return _resize_matrices(torch.tensor([source]), source, target, mirrored=torch.tensor([mirrored]))[0]


def _crop_matrices(size: int, sides: Tensor, starts: Tensor) -> Tensor:
    """The matrix of each image's crop along one axis, (N, size, size)."""
    if sides.device.type != "cpu":  # to know which are alike, a GPU would have to be waited for
        return _resize_matrices(sides, size, size, starts=starts)
    keys, which = torch.unique(sides * size + starts, return_inverse=True)
    return _resize_matrices(keys // size, size, size, starts=keys % size)[which]


def _crop(images: Tensor, parameters: Draw) -> Tensor:
    """Each image's own square, resized back to the image's size: A_y · image · A_xᵀ."""
    count, channels, size = images.shape[:3]
    to_height = _crop_matrices(size, parameters.crop_side, parameters.crop_top)
    to_width = _crop_matrices(size, parameters.crop_side, parameters.crop_left)
    narrowed = torch.bmm(images.reshape(count, channels * size, size), to_width.transpose(1, 2))
    return to_height[:, None] @ narrowed.reshape(count, channels, size, size)
