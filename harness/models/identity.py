"""The identity of a user's own network: the code that builds it, and the parts of the built network."""

import functools
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from types import MethodType
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from harness.config.datasets import DatasetSpec
from harness.config.families import Model
from harness.config.network_origin import NetworkOrigin
from harness.models.build import build_network, remember
from harness.models.network_code import CodeWalk

_LENGTH = 16


def network_identity(own: Model | None, spec: DatasetSpec) -> str:
    """Return a user's own network's identity for a dataset, and remember the network for `model_of`.

    Args:
        own: None for a network that comes with the harness, whose identity is empty.

    Raises:
        InputError: it cannot be built, or the source of its code is not available.
    """
    if own is None:
        return ""
    model = with_origin(own)
    identity = identity_for(model, spec.channels, spec.num_classes)
    remember(identity, model)
    return identity


def identity_for(model: Model, in_channels: int, num_classes: int) -> str:
    """Return a shortened SHA-256 of a user's own network for that many channels and classes.

    Two networks share it if their builders reach the same code, see `harness.models.network_code`, and if they consist
    of the same modules with the same settings, and of weights with the same names, shapes and dtypes.

    Args:
        model: its origin, if it has one, counts instead of its code: a node of a cluster has no source.
        in_channels: the channels of its input images.
        num_classes: the number of its logits.

    Raises:
        InputError: the source of its code is not available.
    """
    return _identity(with_origin(model), in_channels, num_classes)


@functools.lru_cache(maxsize=256)
def _identity(model: Model, in_channels: int, num_classes: int) -> str:
    assert model.origin is not None, "the caller has found it"
    network = build_network(model, in_channels, num_classes, seed=0, device="meta")
    return hashlib.sha256(f"{model.origin.code}\n{_structure(network)}".encode()).hexdigest()[:_LENGTH]


def _structure(network: nn.Module) -> str:
    modules = [f"{name} {type(one).__name__}({one.extra_repr()})" for name, one in network.named_modules()]
    weights = [
        f"{name} {'' if is_lazy(value) else tuple(value.shape)} {value.dtype}"
        for name, value in network.state_dict().items()
        if hasattr(value, "dtype")
    ]
    return "\n".join([*modules, *weights])


def with_origin(model: Model) -> Model:
    """Return the user's own model with the origin of its code.

    Raises:
        InputError: the source of its code is not available.
    """
    return model if model.origin is not None else replace(model, origin=_origin(model))


@functools.lru_cache(maxsize=256)  # building may change what the code reaches, as a cache of layers
def _origin(model: Model) -> NetworkOrigin:
    builder, point = _builder_of(model)
    walk = CodeWalk(builder)
    code = hashlib.sha256(f"{point}\n{walk.text}".encode()).hexdigest()
    reached, imported = tuple(sorted(walk.modules)), tuple(sorted(walk.imported))
    used, family_code = tuple(sorted(walk.used)), _family_code(builder)
    return NetworkOrigin(code, *_place_of(builder), reached, imported, used, family_code)


@functools.lru_cache(maxsize=256)  # of a family's first model: no network has changed what the code reaches
def _family_code(builder: Callable[..., Any]) -> str:
    return hashlib.sha256(CodeWalk(builder).text.encode()).hexdigest()[:_LENGTH]


def _builder_of(model: Model) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the user's function, and the depth and width that its family calls it with."""
    build: Any = model.build
    if isinstance(build, functools.partial) and build.args == (model.depth, model.width) and not build.keywords:
        return build.func, build.args
    return build, ()


def _place_of(builder: Any) -> tuple[str, str, str]:
    """Return the file of a builder, its module, and the name that it has there; empty if it has none."""
    definition = builder
    while isinstance(definition, functools.partial | MethodType):
        definition = definition.func if isinstance(definition, functools.partial) else definition.__func__
    definition = definition if hasattr(definition, "__qualname__") else type(definition)
    module = sys.modules.get(definition.__module__)
    file = os.path.abspath(path) if (path := getattr(module, "__file__", None)) else ""
    if attribute(module, definition.__qualname__) == builder:
        return file, definition.__module__, definition.__qualname__
    names = (name for name, value in vars(module).items() if value is builder) if module else iter(())
    return file, definition.__module__, next(names, "")


def attribute(module: Any, name: str) -> Any:
    """Return what a module has under a dotted name; None if there is nothing."""
    for part in name.split("."):
        module = getattr(module, part, None)
    return module
