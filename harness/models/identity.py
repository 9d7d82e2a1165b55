"""The identity of a user's own network: what it executes, and what it consists of."""

import hashlib
import inspect
import textwrap
from typing import Any

from harness.config.datasets import DatasetSpec
from harness.config.families import Model
from harness.models.build import build_network
from harness.source_code import executed

_LENGTH = 16


def network_identity(model: Model, spec: DatasetSpec) -> str:
    """Return a shortened SHA-256 of a user's own network for a dataset's channels and classes.

    Equal for two versions of its code that differ in comments, docstrings, formatting or place alone.
    """
    network = build_network(model, spec.channels, spec.num_classes, seed=0, device="meta")
    digest = hashlib.sha256(_code(model).encode())
    digest.update(repr(network).encode())
    for name, value in network.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
    return digest.hexdigest()[:_LENGTH]


def _code(model: Model) -> str:
    function: Any = getattr(model.build, "func", model.build)
    return executed(textwrap.dedent(inspect.getsource(function)).encode())
