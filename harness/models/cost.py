"""A model's cost on any device: parameters and multiply-accumulates, counted by fvcore."""

import contextlib
import functools
import math
import warnings
from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.config.families import Model
from harness.models.build import build_network
from harness.models.resnet import Shortcut

# The literature counts convolutions and linear layers; fvcore's total adds BatchNorm and pooling.
_COUNTED_OPERATORS = ("conv", "linear")
_MAX_TRACED_VALUES = 3 * 2048 * 2048  # of an image: its activations then take some GiB


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters, by fvcore; BatchNorm's running statistics are buffers.

    The network may be on the meta device.
    """
    with _ignoring_deprecations():
        from fvcore.nn import parameter_count

    counts = parameter_count(network)  # by parameter and by module, frozen ones included
    return int(sum(counts[name] for name, parameter in network.named_parameters() if parameter.requires_grad))


@contextlib.contextmanager
def _ignoring_deprecations() -> Iterator[None]:
    """Ignore the warnings about torch.jit, with which fvcore's last release (2022) defines its tracer."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated", category=Warning)
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is not supported", category=Warning)
        yield


def _unfilled_network(model: Model, in_channels: int, num_classes: int, shortcut: Shortcut) -> nn.Module:
    """Return the network in evaluation mode with arbitrary weights: counting needs only shapes.

    fvcore's tracer cannot run on meta tensors; skipping the initialisation saves seconds on 300 million parameters.
    In training mode, tracing would change BatchNorm's running statistics.
    """
    network = build_network(model, in_channels, num_classes, seed=0, shortcut=shortcut, device="meta")
    return network.to_empty(device="cpu").eval()


@functools.lru_cache(maxsize=256)
def count_macs(model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A") -> int:
    """Return the multiply-accumulates of one image's forward pass in convolutions and linear layers.

    They are counted by fvcore, which calls them flops.

    Args:
        model: the model.
        image_shape: channels, height, width.
        num_classes: the outputs of the last layer.
        shortcut: the CIFAR family's shortcut, option A or B.
    """
    if math.prod(image_shape) > _MAX_TRACED_VALUES:  # fvcore computes every activation; torch's counter computes none
        return count_macs_with_torch(model, image_shape, num_classes, shortcut)
    with _ignoring_deprecations():
        from fvcore.nn import FlopCountAnalysis

        try:
            network = _unfilled_network(model, image_shape[0], num_classes, shortcut)
        except RuntimeError:  # it exceeds this machine's memory
            return count_macs_with_torch(model, image_shape, num_classes, shortcut)
        analysis = FlopCountAnalysis(network, torch.zeros(1, *image_shape))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = analysis.by_operator()
    return int(sum(by_operator[name] for name in _COUNTED_OPERATORS))


def count_macs_with_torch(
    model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A"
) -> int:
    """Return the figure of `count_macs` by torch's own counter, as a cross-check.

    That counter counts a multiply-accumulate as two operations.
    """
    network = build_network(model, image_shape[0], num_classes, seed=0, shortcut=shortcut, device="meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *image_shape, device="meta"))
    return int(counter.get_total_flops()) // 2
