"""The logits in the output of a user's own network: a tensor, or one of several outputs."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

_KEYS = ("logits", "out")


def select_logits(_: nn.Module, __: Any, output: Any) -> Any:
    """Return the logits (N, classes) of an output; the forward hook of foreign networks.

    The logits are the first of several outputs, or those named ``logits`` or ``out``. Maps (N, classes, 1, 1) are
    flattened. An output without them is returned as it is.
    """
    found = _found(output)[0]
    if isinstance(found, Tensor) and found.dim() == 4 and found.shape[2:] == (1, 1):
        return found.flatten(1)
    return found


def described(output: Any) -> str | None:
    """Describe where the logits are, as a note; None if the output is the logits."""
    return _found(output)[1]


def _found(output: Any) -> tuple[Any, str | None]:
    if isinstance(output, Tensor):
        return output, None
    for key in _KEYS:
        if isinstance(output, Mapping) and key in output:
            return output[key], f"it returns a dict; its {key!r} are the logits"
        if not isinstance(output, Mapping) and isinstance(getattr(output, key, None), Tensor):
            return getattr(output, key), f"it returns a {type(output).__name__}; its .{key} are the logits"
    if isinstance(output, tuple | list) and output:
        return output[0], f"it returns a {type(output).__name__} of {len(output)}; the first are the logits"
    return output, None
