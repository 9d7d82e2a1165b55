"""What a model costs whatever it is trained on: parameters and multiply-accumulates."""

import functools
import warnings

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.config.families import Model
from harness.models.resnet import Shortcut, build_network

# The literature's figure counts convolutions and linear layers; fvcore's total adds BatchNorm and pooling.
_COUNTED_OPERATORS = ("conv", "linear")


def count_parameters(network: nn.Module) -> int:
    """Trainable parameters (BatchNorm's running statistics are buffers, not parameters)."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _unfilled_network(model: Model, in_channels: int, num_classes: int, shortcut: Shortcut) -> nn.Module:
    """The network in evaluation mode, its weights whatever the memory held: shapes are all that counting needs.

    fvcore's tracer cannot run on meta tensors; skipping the initialisation saves seconds on 300 million parameters.
    In training mode tracing would change BatchNorm's running statistics.
    """
    network = build_network(model, in_channels, num_classes, seed=0, shortcut=shortcut, device="meta")
    return network.to_empty(device="cpu").eval()


@functools.lru_cache(maxsize=256)
def count_macs(model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A") -> int:
    """Multiply-accumulates of one image's forward pass, convolution and linear layers, by fvcore.

    Args:
        image_shape: channels, height, width.

    fvcore calls them flops.
    """
    with warnings.catch_warnings():
        # fvcore's last release (2022) defines its tracer with torch.jit.
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated", category=Warning)
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is not supported", category=Warning)
        from fvcore.nn import FlopCountAnalysis

        try:
            network = _unfilled_network(model, image_shape[0], num_classes, shortcut)
        except RuntimeError:  # more than this machine's memory: torch's counter needs none
            return count_macs_with_torch(model, image_shape, num_classes, shortcut)
        analysis = FlopCountAnalysis(network, torch.zeros(1, *image_shape))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = analysis.by_operator()
    return int(sum(by_operator[name] for name in _COUNTED_OPERATORS))


def count_macs_with_torch(
    model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A"
) -> int:
    """The same figure from torch's own counter, which counts a multiply-accumulate as two operations: a cross-check."""
    network = build_network(model, image_shape[0], num_classes, seed=0, shortcut=shortcut, device="meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *image_shape, device="meta"))
    return int(counter.get_total_flops()) // 2
