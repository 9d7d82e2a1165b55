"""The decision whether to compile the networks of a study, made before anything is timed.

It is the same for all models of a study, whose times are compared. A decision by the clock would differ from run to
run, and with it the last digits of a case's weights: so it uses the gain that was once measured on such a device.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from harness.config.datasets import DatasetSpec
from harness.config.families import Model
from harness.config.recipe import Recipe
from harness.errors import InputError
from harness.models.build import build_network
from harness.models.foreign import raised
from harness.models.random_state import seeded
from harness.private_folder import temporary_folder
from harness.training.compile_gain import known_gain

_MIN_GAIN = 1.05  # required: a smaller gain is within the error of its measurement
# Required images of a whole training: five minutes at 16,000 images per second, of which a gain of 1.2 saves 50 s.
# Compiling took 15–43 s.
_MIN_IMAGES = 5_000_000


def should_compile(
    setting: str,
    model: Model,
    spec: DatasetSpec,
    recipe: Recipe,
    train_images: int,
    device: torch.device,
    precision: str,
) -> bool:
    """Return whether to compile a study's networks, as ``--compile`` says.

    ``auto`` compiles if a gain has been measured on such a device at this precision (`known_gain`), the training is
    long enough to repay compiling, and torch.compile works here. The model does not matter: one that cannot be compiled
    trains without.

    Raises:
        InputError: the setting is ``on``, and torch.compile does not work on this machine or for this network.
    """
    if setting == "off":
        return False
    if setting == "auto":
        pays = (known_gain(device, precision) or 1.0) >= _MIN_GAIN and recipe.epochs * train_images >= _MIN_IMAGES
        return pays and why_not_compilable(device) is None
    image_shape = spec.input_shape(recipe.image_size)
    if obstacle := why_not_compilable(device):
        raise InputError(f"--compile on: torch.compile does not work here ({obstacle})\nleave out --compile on")
    if obstacle := why_not_traceable(model, image_shape, spec.num_classes):
        raise InputError(
            f"--compile on: torch.compile cannot compile model {model.name}: {obstacle}\nleave out --compile on"
        )
    return True


def why_auto_is_off(setting: str, device: torch.device, precision: str) -> str | None:
    """Return a notice if ``auto`` compiles nothing on a GPU because its gain is not known; else None."""
    if setting != "auto" or device.type != "cuda" or known_gain(device, precision) is not None:
        return None
    return (
        f"--compile auto: networks are not compiled, as the gain at {precision} is not known: "
        "`python -m harness doctor` measures it for `--precision auto`"
    )


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
