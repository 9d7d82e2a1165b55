"""Networks built from models: those of the harness's families, and the user's own."""

from importlib import import_module
from typing import Any

import torch
from torch import nn

from harness.config.built_in import builder_of
from harness.config.case import Case
from harness.config.families import Model, parse_model
from harness.errors import InputError
from harness.models.foreign import build_foreign
from harness.models.random_state import STATE_LOCK, seeded
from harness.models.resnet import Shortcut

_own_models: dict[str, Model] = {}


def remember(network: str, model: Model) -> None:
    """Keep a user's own model, so that `model_of` finds it for cases with that network.

    Args:
        network: the network's identity, see `harness.models.identity`.
    """
    _own_models[network] = model


def model_of(case: Case) -> Model:
    """Return a case's model; a user's own must have been given to `remember` in this process.

    Raises:
        InputError: it has not.
    """
    if not case.network:
        return parse_model(case.model)
    if case.network not in _own_models:
        raise InputError(f"{case.label}: this process does not know how to build its network")
    return _own_models[case.network]


def build_network(
    model: Model, in_channels: int, num_classes: int, *, seed: int, shortcut: Shortcut = "A", device: str = "cpu"
) -> nn.Module:
    """Return the network with weights drawn from ``seed`` alone; keep the global random state.

    Args:
        model: the network's family, depth and width.
        in_channels: the channels of its input images.
        num_classes: the number of its logits.
        seed: the seed of the initial weights.
        shortcut: option A or B, of the basic blocks of ``resnet`` and ``preresnet``; other networks ignore it.
        device: ``cpu``, so that a seed gives the same weights for every device, or ``meta`` for shapes without memory.
            A foreign network that reads values as it is built is moved there.

    Raises:
        InputError: the user's builder raises, or returns no module; torchvision or timm has no such network, or timm
            is not installed.
    """
    with STATE_LOCK, seeded(seed), torch.device(device):
        try:
            network: nn.Module = (
                build_foreign(model, lambda: _build(model, in_channels, num_classes, shortcut))
                if model.is_foreign
                else _build(model, in_channels, num_classes, shortcut)
            )
        except (InputError, RuntimeError):  # its constructor may read values of tensors
            if device != "meta" or not model.is_foreign:
                raise
        else:
            return network
    return build_network(model, in_channels, num_classes, seed=seed, shortcut=shortcut).to("meta")


def _build(model: Model, in_channels: int, num_classes: int, shortcut: Shortcut) -> Any:
    if model.build is not None:
        return model.build(in_channels, num_classes)
    module, _, function = builder_of(model.name).partition(":")
    return getattr(import_module(module), function)(model, in_channels, num_classes, shortcut)
