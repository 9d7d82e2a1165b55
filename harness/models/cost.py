"""A model's cost on any device: parameters, multiply-accumulates, activations and bytes of weights."""

import contextlib
import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from harness.config.families import Model
from harness.models.build import build_network
from harness.models.random_state import seeded
from harness.models.resnet import Shortcut
from harness.text import listed

# The literature counts convolutions and linear layers; fvcore's total adds BatchNorm and pooling.
# Matrix products are in networks of the user and of libraries only.
_COUNTED_OPERATORS = ("conv", "linear", "addmm", "mm", "matmul", "bmm", "einsum")
# Operators with multiply-accumulates that fvcore passes over.
_UNKNOWN_OPERATORS = {
    f"aten::{name}"
    for name in ("scaled_dot_product_attention", "_native_multi_head_attention", "baddbmm", "lstm", "gru")
}
_MAX_TRACED_VALUES = 3 * 2048 * 2048  # of an image: its activations then take some GiB


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters, by fvcore; BatchNorm's running statistics are buffers.

    The network may be on the meta device.
    """
    with _ignoring_deprecations():
        from fvcore.nn import parameter_count

    counts = parameter_count(network)  # by parameter and by module, frozen ones included
    return int(sum(counts[name] for name, parameter in network.named_parameters() if parameter.requires_grad))


def count_weight_bytes(network: nn.Module) -> int:
    """Return the bytes of a network's parameters and buffers; frozen ones count, shared ones count once.

    The network may be on the meta device.
    """
    return sum(one.numel() * one.element_size() for one in itertools.chain(network.parameters(), network.buffers()))


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
    In training mode, tracing would change BatchNorm's running statistics. A foreign
    network may compute with its buffers' values, and is built whole.
    """
    if model.is_foreign:
        return build_network(model, in_channels, num_classes, seed=0, shortcut=shortcut).eval()
    network = build_network(model, in_channels, num_classes, seed=0, shortcut=shortcut, device="meta")
    return network.to_empty(device="cpu").eval()


def count_macs(model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A") -> int:
    """Return the multiply-accumulates of one image's forward pass.

    Those of convolutions, linear layers and matrix products count. fvcore counts them, and calls them flops; torch's
    own counter does if fvcore cannot, see `macs_note`.

    Args:
        model: the model.
        image_shape: channels, height, width.
        num_classes: the outputs of the last layer.
        shortcut: the CIFAR family's shortcut, option A or B.
    """
    return _counted(model, image_shape, num_classes, shortcut)[0]


def macs_note(
    model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A"
) -> str | None:
    """Return why `count_macs` used torch's counter for a network, or None if it used fvcore's."""
    return _counted(model, image_shape, num_classes, shortcut)[1]


@functools.lru_cache(maxsize=256)
def _counted(
    model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut
) -> tuple[int, str | None]:
    """Return the multiply-accumulates of an image, and the note on their counter."""
    with_torch = functools.partial(count_macs_with_torch, model, image_shape, num_classes, shortcut)
    if math.prod(image_shape) > _MAX_TRACED_VALUES:  # fvcore computes every activation; torch's counter computes none
        return with_torch(), None
    try:
        network = _unfilled_network(model, image_shape[0], num_classes, shortcut)
    except RuntimeError:  # it exceeds this machine's memory
        return with_torch(), None
    if not model.is_foreign:
        return _traced(network, image_shape)[0], None
    try:
        macs, unknown = _traced(network, image_shape)
    except Exception as error:
        return with_torch(), f"MACs by torch's counter, since fvcore cannot trace the network ({type(error).__name__})"
    if known_to_torch := sorted(unknown & _UNKNOWN_OPERATORS):
        return with_torch(), f"MACs by torch's counter, since fvcore does not know {listed(known_to_torch)}"
    return macs, None


def _traced(network: nn.Module, image_shape: tuple[int, int, int]) -> tuple[int, set[str]]:
    """Return fvcore's count for one image, and the names of the operators that it does not know."""
    with _ignoring_deprecations():
        from fvcore.nn import FlopCountAnalysis

        analysis = FlopCountAnalysis(network, torch.zeros(1, *image_shape))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = analysis.by_operator()
        return int(sum(by_operator[name] for name in _COUNTED_OPERATORS)), set(analysis.unsupported_ops())


def count_macs_with_torch(
    model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A"
) -> int:
    """Return the figure of `count_macs` by torch's own counter, as a cross-check.

    That counter counts a multiply-accumulate as two operations.
    """
    return _count_on_meta_or_cpu(_counted_by_torch, model, image_shape, num_classes, shortcut)


@functools.lru_cache(maxsize=256)
def count_activations(
    model: Model, image_shape: tuple[int, int, int], num_classes: int, shortcut: Shortcut = "A"
) -> int:
    """Return the numbers that all convolutions put out in one image's forward pass.

    Args:
        model, image_shape, num_classes, shortcut: as `count_macs` takes.
    """
    return _count_on_meta_or_cpu(_convolution_outputs, model, image_shape, num_classes, shortcut)


def _count_on_meta_or_cpu(
    count: Callable[[nn.Module, tuple[int, int, int], str], int],
    model: Model,
    image_shape: tuple[int, int, int],
    num_classes: int,
    shortcut: Shortcut,
) -> int:
    """Count on the meta device, or on the CPU for a foreign network that does not run there."""
    network = build_network(model, image_shape[0], num_classes, seed=0, shortcut=shortcut, device="meta").eval()
    try:
        return count(network, image_shape, "meta")
    except Exception:
        if not model.is_foreign:
            raise
    network = build_network(model, image_shape[0], num_classes, seed=0, shortcut=shortcut).eval()
    return count(network, image_shape, "cpu")


class _ConvolutionOutputs(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode that counts the numbers that convolutions put out, of modules and functions alike."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default:
            self.count += output.numel()
        return output


def _convolution_outputs(network: nn.Module, image_shape: tuple[int, int, int], device: str) -> int:
    with seeded(0), torch.no_grad(), _ConvolutionOutputs() as counter:  # type: ignore[no-untyped-call]
        network(torch.zeros(1, *image_shape, device=device))
    return int(counter.count)


def count_macs_on_meta(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Return the multiply-accumulates of a network on the meta device, where images need no memory.

    A foreign network may raise any error there.
    """
    return _counted_by_torch(network, image_shape, "meta")


def _counted_by_torch(network: nn.Module, image_shape: tuple[int, int, int], device: str) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter, _unfused_attention():
        network(torch.zeros(1, *image_shape, device=device))
    return int(counter.get_total_flops()) // 2


@contextlib.contextmanager
def _unfused_attention() -> Iterator[None]:
    """Run attention as matrix products: torch's counter does not know every fused kernel."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
