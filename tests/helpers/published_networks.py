"""Functional transcriptions of published networks, written from the authors' code and not from the harness's.

Each takes images and a list of parameters in the order in which the published code applies them, and computes logits in
evaluation mode: https://github.com/szagoruyko/wide-residual-networks (pytorch/resnet.py) and
https://github.com/KaimingHe/resnet-1k-layers (resnet-pre-act.lua).
"""

import torch
from torch.nn import functional


class Weights:
    """Parameters by their published role, made from a seed."""

    def __init__(self, seed):
        self._generator = torch.Generator().manual_seed(seed)
        self.drawn = []

    def conv(self, before, after, size):
        self.drawn.append(0.2 * torch.randn(after, before, size, size, generator=self._generator))
        return self.drawn[-1]

    def norm(self, channels):
        def draw():
            return torch.rand(channels, generator=self._generator)

        values = {
            "weight": draw() + 0.5,
            "bias": draw() - 0.5,
            "running_mean": draw() - 0.5,
            "running_var": draw() + 0.5,
        }
        self.drawn.append(values)
        return values

    def linear(self, channels, classes):
        values = (
            torch.randn(classes, channels, generator=self._generator),
            torch.randn(classes, generator=self._generator),
        )
        self.drawn.append(values)
        return values


def batch_norm_relu(x, values):
    normalised = functional.batch_norm(
        x, values["running_mean"], values["running_var"], values["weight"], values["bias"], training=False
    )
    return functional.relu(normalised)


def wide_residual_network(x, weights, depth, width, classes):
    """``resnet(depth, width, num_classes)`` of the WRN authors, channels rounded as the harness rounds them."""
    blocks = (depth - 4) // 6
    x = functional.conv2d(x, weights.conv(x.shape[1], 16, 3), padding=1)
    for group, channels in enumerate((16, 32, 64)):
        for block in range(blocks):
            after = int(channels * width + 0.5)
            x = wide_block(x, weights, after, stride=2 if group > 0 and block == 0 else 1)
    x = batch_norm_relu(x, weights.norm(x.shape[1]))
    x = functional.avg_pool2d(x, x.shape[-1], 1, 0).flatten(1)
    return functional.linear(x, *weights.linear(x.shape[1], classes))


def wide_block(x, weights, after, stride):
    before = x.shape[1]
    o1 = batch_norm_relu(x, weights.norm(before))
    y = functional.conv2d(o1, weights.conv(before, after, 3), stride=stride, padding=1)
    o2 = batch_norm_relu(y, weights.norm(after))
    z = functional.conv2d(o2, weights.conv(after, after, 3), stride=1, padding=1)
    if before != after:
        return z + functional.conv2d(o1, weights.conv(before, after, 1), stride=stride)
    return z + x


def bottleneck_network(x, weights, depth, width, classes):
    """The CIFAR-10 network of `createModel` for depth 9n+2."""
    blocks = (depth - 2) // 9
    x = functional.conv2d(x, weights.conv(x.shape[1], int(16 * width + 0.5), 3), padding=1)
    for stage, planes in enumerate((16, 32, 64)):
        for block in range(blocks):
            x = bottleneck(x, weights, 4 * int(planes * width + 0.5), stride=2 if stage > 0 and block == 0 else 1)
    x = batch_norm_relu(x, weights.norm(x.shape[1]))
    return functional.linear(x.mean((2, 3)), *weights.linear(x.shape[1], classes))


def bottleneck(x, weights, after, stride):
    before, inner = x.shape[1], after // 4
    common = batch_norm_relu(x, weights.norm(before))
    y = functional.conv2d(common, weights.conv(before, inner, 1), stride=stride)
    y = functional.conv2d(batch_norm_relu(y, weights.norm(inner)), weights.conv(inner, inner, 3), padding=1)
    y = functional.conv2d(batch_norm_relu(y, weights.norm(inner)), weights.conv(inner, after, 1))
    if before == after:
        return y + x
    return y + functional.conv2d(common, weights.conv(before, after, 1), stride=stride)


def basic_network(x, weights, depth, width, classes):
    """The paper's ResNet-110 with full pre-activation: option A, and the first unit activated before the split."""
    blocks = (depth - 2) // 6
    x = functional.conv2d(x, weights.conv(x.shape[1], int(16 * width + 0.5), 3), padding=1)
    for stage, planes in enumerate((16, 32, 64)):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = basic_unit(x, weights, int(planes * width + 0.5), stride, is_first=stage == block == 0)
    x = batch_norm_relu(x, weights.norm(x.shape[1]))
    return functional.linear(x.mean((2, 3)), *weights.linear(x.shape[1], classes))


def basic_unit(x, weights, after, stride, is_first):
    before = x.shape[1]
    active = batch_norm_relu(x, weights.norm(before))
    y = functional.conv2d(active, weights.conv(before, after, 3), stride=stride, padding=1)
    y = functional.conv2d(batch_norm_relu(y, weights.norm(after)), weights.conv(after, after, 3), padding=1)
    if before != after or is_first:
        x = active
    missing = after - before
    return y + functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, missing // 2, missing - missing // 2))
