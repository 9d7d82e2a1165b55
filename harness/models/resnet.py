"""The networks of the study's two ResNet families, built with torch from a `Model`.

The families share one module. Its parts have torchvision's names, so that torchvision's weights load into the ImageNet
family.
"""

import math
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from harness.config.families import IMAGENET_BLOCKS, Model

Shortcut = Literal["A", "B"]

# Channels of each stage at ω = 1; the stem has those of the first stage.
_CIFAR_CHANNELS, _IMAGENET_CHANNELS = (16, 32, 64), (64, 128, 256, 512)


def scaled(channels: int, width: float) -> int:
    """Return a layer's channels at width ω: ``channels`` · ω, rounded half up, at least 1."""
    return max(1, math.floor(channels * width + 0.5))


def blocks_of(model: Model) -> tuple[int, ...]:
    """Return the number of residual blocks in each stage."""
    assert model.depth is not None
    return IMAGENET_BLOCKS.get(model.depth, ((model.depth - 2) // 6,) * 3)


def channels_of(model: Model) -> tuple[int, ...]:
    """Return the channels of each stage, before a bottleneck's expansion."""
    assert model.width is not None
    stages = _IMAGENET_CHANNELS if model.depth in IMAGENET_BLOCKS else _CIFAR_CHANNELS
    return tuple(scaled(channels, model.width) for channels in stages)


def conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution without bias that keeps the size of its maps at stride 1, for odd kernels."""
    padding = (kernel_size - 1) // 2
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)


class SubsampleAndPad(nn.Module):
    """Option A of He et al.: a shortcut without parameters, which subsamples pixels and pads channels.

    It takes every stride-th pixel, and adds half of the missing channels as zeros on each side.
    """

    def __init__(self, stride: int, missing_channels: int) -> None:
        super().__init__()
        self.stride = stride
        self.padding = (missing_channels // 2, missing_channels - missing_channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C + missing, ⌈H/stride⌉, ⌈W/stride⌉)."""
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, *self.padding))


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """Return option B of He et al.: a 1×1 convolution and batch normalisation."""
    return nn.Sequential(conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut (figure 4, left)."""

    expansion = 1
    has_shortcut = True

    def __init__(self, in_channels: int, channels: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if self.has_shortcut and (stride != 1 or in_channels != channels):
            self.downsample = (
                SubsampleAndPad(stride, channels - in_channels)
                if shortcut == "A"
                else _projection(in_channels, channels, stride)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        if self.has_shortcut:
            out += x if self.downsample is None else self.downsample(x)
        return functional.relu(out, inplace=True)


class Bottleneck(nn.Module):
    """A bottleneck block (figure 4, right), always with option B.

    A 1×1 convolution, a 3×3 with the stride, and a 1×1 to four times the channels.
    """

    expansion = 4
    has_shortcut = True

    def __init__(self, in_channels: int, channels: int, stride: int, shortcut: Shortcut = "B") -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = conv(in_channels, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module | None = None
        if self.has_shortcut and (stride != 1 or in_channels != out_channels):
            self.downsample = _projection(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        out = functional.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        if self.has_shortcut:
            out += x if self.downsample is None else self.downsample(x)
        return functional.relu(out, inplace=True)


class ResNet(nn.Module):
    """A network of either family: stem, stages of residual blocks, global average pool, linear.

    It maps float images (N, in_channels, H, W) to logits (N, num_classes).
    """

    def __init__(
        self,
        model: Model,
        in_channels: int,
        num_classes: int,
        shortcut: Shortcut = "A",
        *,
        blocks: tuple[type[BasicBlock], type[Bottleneck]] = (BasicBlock, Bottleneck),
    ) -> None:
        """Build the layers.

        Args:
            blocks: the blocks of the CIFAR and of the ImageNet family.
        """
        super().__init__()
        is_cifar = model.depth not in IMAGENET_BLOCKS
        block = blocks[0] if is_cifar else blocks[1]
        stem_channels = channels_of(model)[0]
        self.conv1 = conv(in_channels, stem_channels, 3) if is_cifar else conv(in_channels, stem_channels, 7, 2)
        self.bn1 = nn.BatchNorm2d(stem_channels)
        self.maxpool = nn.Identity() if is_cifar else nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self._stages: list[str] = []
        previous = stem_channels
        for number, (count, channels) in enumerate(zip(blocks_of(model), channels_of(model), strict=True), 1):
            strides = [1 if number == 1 else 2] + [1] * (count - 1)
            stage = nn.Sequential()
            for stride in strides:
                stage.append(block(previous, channels, stride, shortcut))
                previous = channels * block.expansion
            self.add_module(f"layer{number}", stage)
            self._stages.append(f"layer{number}")
        self.fc = nn.Linear(previous, num_classes)
        if is_cifar:
            self.apply(_kaiming_normal)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x)), inplace=True))
        for stage in self._stages:
            x = self.get_submodule(stage)(x)
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


def _kaiming_normal(module: nn.Module) -> None:
    """Initialise a module of the CIFAR family (appendix); the ImageNet family keeps torch's default."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight)
