"""The measured gain of compiling networks, remembered for this user by device and version of torch."""

import functools
import math

import torch

from harness.hardware.processor import processor_name
from harness.user_memory import UserMemory

_GAINS = UserMemory("compile_gains")


def remember_gain(device: torch.device, gain: float) -> None:
    """Store a measured gain, which decides ``--compile auto`` on such devices from now on.

    Args:
        device: the device that it was measured on.
        gain: compiled over eager training speed: 1.2 if a compiled network trains 20 % more images per second.
    """
    _GAINS.add(_key(device), f"{gain:.3f}")
    known_gain.cache_clear()


@functools.cache
def known_gain(device: torch.device) -> float | None:
    """Return the gain measured on such a device with this torch; None if it has not been measured.

    It is read once per process: a measurement in the middle of a study would change its cases.
    """
    try:
        gain = float(_GAINS.remembered()[_key(device)])
    except (KeyError, TypeError, ValueError):
        return None
    return gain if math.isfinite(gain) else None


def _key(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    return f"{device.type} {name}, torch {torch.__version__}"
