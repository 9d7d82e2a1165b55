"""The measured gain of compiling networks, remembered by device, precision and version of torch."""

import functools
import math

import torch

from harness.hardware.processor import processor_name
from harness.user_memory import UserMemory

_GAINS = UserMemory("compile_gains")


def remember_gain(device: torch.device, precision: str, gain: float) -> None:
    """Store a measured gain, which decides ``--compile auto`` on such devices at this precision.

    Args:
        device: the device that it was measured on.
        precision: the precision that it was measured at.
        gain: compiled over eager training speed: 1.2 if a compiled network trains 20 % more images per second.
    """
    _GAINS.add(_key(device, precision), f"{gain:.3f}")
    known_gain.cache_clear()


def forget_gain(device: torch.device, precision: str) -> None:
    """Make the gain unknown on such devices at this precision, as compiled networks failed there."""
    if known_gain(device, precision) is not None:
        remember_gain(device, precision, math.nan)


@functools.cache
def known_gain(device: torch.device, precision: str) -> float | None:
    """Return the gain measured on such a device at this precision with this torch; None if unknown.

    It is read once per process: a measurement in the middle of a study would change its cases.
    """
    try:
        gain = float(_GAINS.remembered()[_key(device, precision)])
    except (KeyError, TypeError, ValueError):
        return None
    return gain if math.isfinite(gain) else None


def _key(device: torch.device, precision: str) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    return f"{device.type} {name}, {precision}, torch {torch.__version__}"
