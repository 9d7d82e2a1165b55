"""Networks of torchvision and timm by their names, with initial weights: no trained ones are loaded."""

import difflib
import importlib
from typing import Any

import torch
from torch import nn

from harness.config.families import Model
from harness.errors import InputError
from harness.extras import require_extra
from harness.models.resnet import Shortcut

_RGB = 3


def require_known(model: Model) -> None:
    """Check that the library of a library's network has it; only then is the library imported.

    Raises:
        InputError: it has no such network, or is not installed.
    """
    library, colon, _ = model.name.partition(":")
    if colon:
        _checked(model, (_torchvision() if library == "torchvision" else _timm(model))[1])


def torchvision_network(model: Model, in_channels: int, num_classes: int, _: Shortcut = "A") -> nn.Module:
    """Return a classification network of torchvision.models, without auxiliary classifiers.

    Every network of torchvision takes three channels. For another number, its first convolution is replaced by one with
    that many input channels and otherwise the same parameters: size, stride, padding, bias. Its initial weights are
    those of the first channels that torchvision has drawn, in turn.

    Raises:
        InputError: torchvision has no classification network of that name.
    """
    models, names = _torchvision()
    name = _checked(model, names)
    # Their auxiliary classifiers return a tuple in training; without init_weights both warn of slow initialisation.
    more = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    network: nn.Module = models.get_model(name, weights=None, num_classes=num_classes, **more)
    if in_channels != _RGB:
        _replace_first_convolution(network, in_channels)
    return network


def timm_network(model: Model, in_channels: int, num_classes: int, _: Shortcut = "A") -> nn.Module:
    """Return a network of timm.

    Raises:
        InputError: timm is not installed, or has no network of that name.
    """
    timm, names = _timm(model)
    name = _checked(model, names)
    network: nn.Module = timm.create_model(name, pretrained=False, in_chans=in_channels, num_classes=num_classes)
    return network


def _torchvision() -> tuple[Any, list[str]]:
    """Return the module with torchvision's classification networks, and their names."""
    models = importlib.import_module("torchvision.models")
    return models, models.list_models(module=models)


def _timm(model: Model) -> tuple[Any, list[str]]:
    """Return timm, and the names of its networks.

    Raises:
        InputError: timm is not installed.
    """
    timm: Any = require_extra("timm", "timm", f"model {model.name}")
    return timm, timm.list_models()


def _checked(model: Model, known: list[str]) -> str:
    """Return the network's name in its library.

    Raises:
        InputError: the library has no such name. The message has the nearest ones.
    """
    library, _, name = model.name.partition(":")
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=3) or known[:3]
    right = ", ".join(f"{library}:{one}" for one in near)
    raise InputError(f"unknown model {model.name!r}: {library} has no such classification network; give e.g. {right}")


def _replace_first_convolution(network: nn.Module, in_channels: int) -> None:
    path, old = next((path, one) for path, one in network.named_modules() if isinstance(one, nn.Conv2d))
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        old.kernel_size,  # type: ignore[arg-type]
        old.stride,  # type: ignore[arg-type]
        old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    with torch.no_grad():
        new.weight.copy_(old.weight[:, [channel % old.in_channels for channel in range(in_channels)]])
        if old.bias is not None and new.bias is not None:
            new.bias.copy_(old.bias)
    parent, _, attribute = path.rpartition(".")
    setattr(network.get_submodule(parent), attribute, new)
