"""The operations that both orders of augmentation share: normalisation, and resizing by matrices."""

import functools

import torch
from torch import Tensor

from harness.config.recipe import Augmentation


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy a CPU tensor to the device without waiting for a GPU.

    This is safe: a copy from pageable memory has read the whole tensor when the call returns.
    """
    return values.to(device, non_blocking=True)


def normalise(images: Tensor, augmentation: Augmentation, axis: int = 1) -> Tensor:
    """Scale 8-bit pixels to 0…1, then subtract each channel's mean and divide by its deviation.

    The order of operations is torchvision's.

    Args:
        axis: the dimension of the channels.
    """
    shape = [-1 if dimension == axis else 1 for dimension in range(images.ndim)]
    mean, std = (
        to_device(torch.tensor(values), images.device).view(shape) for values in (augmentation.mean, augmentation.std)
    )
    return images.float().div_(255).sub_(mean).div_(std)


def resize_matrices(
    sources: Tensor, columns: int, target: int, *, starts: Tensor | None = None, mirrored: Tensor | None = None
) -> Tensor:
    """Return torchvision's antialiased bilinear resize of one axis as matrices, (N, target, columns).

    The arithmetic is that of torch's ``interpolate``, in float32 if its rounding shows: scale, centres, first
    and last column.

    Args:
        sources: int64, (N,); matrix k resizes ``sources[k]`` columns, its other columns are zero.
        starts: int64, (N,); the first column that each matrix reads, 0 without it.
        mirrored: bool, (N,); matrices that also mirror the axis.
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
def cpu_resize_matrix(source: int, target: int, mirrored: bool) -> Tensor:
    """Return one matrix of `resize_matrices`, (target, source), on the CPU."""
    return resize_matrices(torch.tensor([source]), source, target, mirrored=torch.tensor([mirrored]))[0]
