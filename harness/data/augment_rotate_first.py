"""GTSRB's order of augmentation: rotation of the 8-bit image → normalise → resize → flips.

Images may differ in size. Images of similar size are computed together, each in the top left corner of a frame that
holds the largest of them. For the same parameters the result is torchvision's per-sample result: Pillow's rotation bit
for bit, the antialiased resize as the matrix that torchvision's own resize is.
"""

import torch
from torch import Tensor

from harness.config.recipe import Augmentation
from harness.data.augment_parameters import AugmentationParameters
from harness.data.images import PackedPixels, Pixels
from harness.data.pixel_operations import cpu_resize_matrix, normalise, resize_matrices, to_device

_SIDE_STEP = 32  # pixels; images whose longer sides round up to the same multiple are one batch
# Most bytes of float32 pixels in a block, before or after the resize, whichever is more: on a CPU little enough for its
# cache, on a GPU so much that only groups of large images are divided further.
_CPU_BLOCK_BYTES = 8 * 2**20
_GPU_BLOCK_BYTES = 128 * 2**20
_ONE_BY_ONE_ON = ("cpu",)  # devices where one matrix product per image is faster than one for all, with padding


def rotate_and_resize(
    pixels: Pixels, drawn: AugmentationParameters | None, augmentation: Augmentation, image_size: int
) -> Tensor:
    """Augment images, (N, C, image_size, image_size); without a draw only normalise and resize them."""
    packed = PackedPixels.from_batch(pixels) if isinstance(pixels, Tensor) else pixels
    # Rows before channels, so that the second product of the resize is one per image, not one per channel.
    out = torch.empty(len(packed), image_size, packed.channels, image_size, device=packed.device)
    for members in _blocks(packed, image_size):
        place = to_device(members, packed.device)
        _fill_block(out, place, packed.select(members), None if drawn is None else drawn[place], augmentation)
    return out.transpose(1, 2)


def _blocks(packed: PackedPixels, image_size: int) -> list[Tensor]:
    """Return the positions of the images of each block: similar sizes, within the block's bytes.

    The positions are on the CPU. Few large groups suit a GPU: launching a batch takes it longer than computing the
    padding.
    """
    block_bytes = _CPU_BLOCK_BYTES if packed.device.type == "cpu" else _GPU_BLOCK_BYTES
    longer = torch.maximum(packed.heights, packed.widths)
    steps = (longer - 1) // _SIDE_STEP
    order = packed.heights.argsort(stable=True)  # by height within a group, so that blocks have little padding
    order = order[steps[order].argsort(stable=True)]
    blocks: list[Tensor] = []
    for group in torch.split(order, steps.bincount().tolist()):
        if len(group):
            side = max(int(longer[group].max()), image_size)
            blocks += torch.split(group, max(1, block_bytes // (4 * packed.channels * side**2)))
    return blocks


def _fill_block(
    out: Tensor, place: Tensor, images: PackedPixels, drawn: AugmentationParameters | None, augmentation: Augmentation
) -> None:
    """Augment images of similar size and write them to their places in ``out``, (N, size, C, size).

    A frame's pixels outside its image do not matter, because the resize matrices are zero there.
    """
    target = out.shape[1]
    places_and_sizes = torch.stack([images.offsets, images.heights, images.widths])
    sizes, (height, width) = places_and_sizes[1:], places_and_sizes[1:].amax(1).tolist()
    placed = to_device(places_and_sizes, images.device)
    angles = drawn.angle_degrees if drawn is not None and augmentation.rotation_degrees else None
    frames = normalise(_frames(images, placed, (height, width), angles), augmentation, axis=2)
    horizontal, vertical = (drawn.horizontal_flip, drawn.vertical_flip) if drawn is not None else (None, None)
    if bool((sizes == target).all()):  # nothing to resize
        out[place] = _mirror(_mirror(frames, horizontal, 3), vertical, 1)
        return
    if images.device.type in _ONE_BY_ONE_ON:
        _resize_one_by_one(out, place, frames, sizes, vertical, horizontal)
    else:
        to_height = resize_matrices(placed[1], height, target, mirrored=vertical)
        to_width = resize_matrices(placed[2], width, target, mirrored=horizontal)
        out[place] = _resize_at_once(frames, to_height, to_width)


def _resize_at_once(frames: Tensor, to_height: Tensor, to_width: Tensor) -> Tensor:
    """Resize frames, (N, height, C, width), by one matrix each: width first, as torchvision does."""
    count, height, channels, width = frames.shape
    narrowed = torch.bmm(frames.view(count, height * channels, width), to_width.transpose(1, 2))
    return torch.bmm(to_height, narrowed.view(count, height, -1)).view(count, -1, channels, to_width.shape[1])


def _resize_one_by_one(
    out: Tensor, place: Tensor, frames: Tensor, sizes: Tensor, vertical: Tensor | None, horizontal: Tensor | None
) -> None:
    """Resize frames one by one on a CPU, into ``out``, without computing padding or copying the result."""
    target, channels, width = out.shape[1], *frames.shape[2:]
    mirrored = [[False] * len(frames) if flips is None else flips.tolist() for flips in (vertical, horizontal)]
    loop = zip(place.tolist(), *sizes.tolist(), *mirrored, frames, strict=True)
    for position, rows, columns, upside_down, left_to_right, frame in loop:
        pixels = frame.view(-1, width)[: rows * channels, :columns]
        narrowed = (pixels @ cpu_resize_matrix(columns, target, left_to_right).T).view(rows, -1)
        torch.mm(cpu_resize_matrix(rows, target, upside_down), narrowed, out=out[position].view(target, -1))


def _frames(images: PackedPixels, placed: Tensor, frame: tuple[int, int], angles: Tensor | None) -> Tensor:
    """Return each image in a frame, rotated if there are angles: uint8, (N, frame height, C, frame width).

    Args:
        placed: offsets, heights and widths of the images on their device, int64, (3, N).
        frame: height and width in pixels.
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
    """Return each pixel's source under Pillow's ``Image.rotate`` with NEAREST: row, column, is inside.

    Each is (N, len(y), len(x)); each image has its own size. The arithmetic is Pillow's 16.16 fixed-point.
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
    """Mirror the images, (N, ·, ·, ·), for which ``mirrored``, (N,), is True."""
    return images if mirrored is None else torch.where(mirrored[:, None, None, None], images.flip(axis), images)
