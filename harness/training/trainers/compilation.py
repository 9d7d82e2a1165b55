"""The decision whether to compile a network, made from the plan before anything is timed.

A decision by the clock would differ from run to run, and with it the last digits of a case's weights. So it uses known
figures: the operations of the whole run, and the gain of a compiled network on such a device.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from harness.config.datasets import DatasetSpec
from harness.config.families import OPERATIONS_PER_MAC, Model
from harness.config.recipe import Recipe
from harness.errors import InputError
from harness.models.build import build_network
from harness.models.cost import count_macs
from harness.models.foreign import raised
from harness.models.random_state import seeded
from harness.private_folder import temporary_folder

# Compiled over eager training speed, less 1. On a CPU (two cores of an AMD EPYC, torch 2.15, batch 128, freed memory
# kept, medians): ResNet-20 −.03, 20-2 .00, 20-4 +.02 at 3×32×32 and .00 at 1×28×28; 56, 110 and 50 were no better.
# Not measured here on CUDA; published figures for such networks are 1.2–1.4 ×.
_GAIN = {"cpu": 0.0, "cuda": 0.2}
_COMPILE_SECONDS = 45.0  # 15–43 s were measured
_MARGIN = 3.0  # required ratio of seconds gained to seconds spent
# Training speed that converts operations to seconds: too fast rather than too slow, so that short runs stay eager.
_RATED_FLOPS_PER_SECOND = {"cpu": 250e9, "cuda": 50e12}


def pays_to_compile(training_operations: float, device_kind: str) -> bool:
    """Return whether compiling saves more time over the whole run than it takes, with a margin.

    Args:
        training_operations: floating-point operations of all epochs, 3 × 2 × MACs per image.
        device_kind: ``cpu``, ``cuda`` or ``mps``.
    """
    gain = _GAIN.get(device_kind, 0.0)
    eager_seconds = training_operations / _RATED_FLOPS_PER_SECOND.get(device_kind, 1.0)
    return eager_seconds * (1 - 1 / (1 + gain)) > _MARGIN * _COMPILE_SECONDS


def should_compile(
    setting: str, model: Model, spec: DatasetSpec, recipe: Recipe, train_images: int, device: torch.device
) -> bool:
    """Return whether to compile the network: as ``--compile`` says; ``auto`` if it pays and works here.

    Raises:
        InputError: the setting is ``on``, and torch.compile does not work on this machine or for this network.
    """
    if setting == "off":
        return False
    image_shape = spec.input_shape(recipe.image_size)
    if setting == "auto":
        if not _GAIN.get(device.type):
            return False  # skips counting operations, which takes a second for a deep network
        macs = count_macs(model, image_shape, spec.num_classes)
        operations = OPERATIONS_PER_MAC * macs * train_images * recipe.epochs
        if not pays_to_compile(operations, device.type) or why_not_compilable(device) is not None:
            return False
        return why_not_traceable(model, image_shape, spec.num_classes) is None
    if obstacle := why_not_compilable(device):
        raise InputError(f"--compile on: torch.compile does not work here ({obstacle})\nleave out --compile on")
    if obstacle := why_not_traceable(model, image_shape, spec.num_classes):
        raise InputError(
            f"--compile on: torch.compile cannot compile model {model.name}: {obstacle}\nleave out --compile on"
        )
    return True


def compile_network(network: nn.Module, model: Model, **options: Any) -> Callable[[Tensor], Tensor]:
    """Return the compiled network; a foreign one together with its hook, which torch would compile apart.

    Raises:
        InputError: there is no private folder for the compiled code.
    """
    _keep_compiled_code_private()
    compiled: Callable[[Tensor], Tensor] = torch.compile(
        (lambda batch: network(batch)) if model.is_foreign else network, dynamic=False, **options
    )
    return compiled


def _keep_compiled_code_private() -> None:
    """Make torch keep compiled code, which later processes run, where no other user can change it.

    torch's default, /tmp/torchinductor_USER, may have been made by another user.
    """
    if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(temporary_folder() / "torchinductor")


@functools.cache
def why_not_compilable(device: torch.device) -> str | None:
    """Return why torch.compile fails on this machine, in one line (no C++ compiler, say), or None if not.

    It is tried on a function of one line, which takes some seconds.
    """
    try:
        _keep_compiled_code_private()
        x = torch.ones(8, device=device, requires_grad=True)
        torch.compile(lambda values: (values.relu() * 2).sum(), dynamic=False)(x).backward()
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return None


@functools.lru_cache(maxsize=256)
def why_not_traceable(model: Model, image_shape: tuple[int, int, int], num_classes: int) -> str | None:
    """Return why torch.compile cannot trace a foreign network, or None; tried on the CPU in seconds."""
    if not model.is_foreign:
        return None
    network = build_network(model, image_shape[0], num_classes, seed=0)
    try:
        with seeded(0):
            logits = compile_network(network, model, backend="aot_eager")(torch.randn(2, *image_shape))
            logits.sum().backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        return raised(error)
    finally:
        torch.compiler.reset()
    return None
