"""The global random states, seeded for a block of code and restored after it."""

import contextlib
import random
import threading
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import nn

_CPU = torch.device("cpu")
STATE_LOCK = threading.RLock()
"""Held while the states are replaced; hold it in a block that no other thread may disturb."""
OwnGenerator = torch.Generator | random.Random | np.random.Generator | np.random.RandomState


@contextlib.contextmanager
def seeded(seed: int, device: torch.device = _CPU) -> Iterator[None]:
    """Set the states of torch's, numpy's and Python's default generators; restore them afterwards.

    Args:
        seed: 0 to 2⁶³ − 1.
        device: its generator is seeded too. A captured CUDA graph reads it at every replay.
    """
    generators = [*_default_generators(device)]
    with STATE_LOCK:
        kept = [generator.get_state() for generator in generators]
        python, numpy = random.getstate(), np.random.get_state()
        for generator in generators:
            generator.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        with STATE_LOCK:
            for generator, state in zip(generators, kept, strict=True):
                generator.set_state(state)
            random.setstate(python)
            np.random.set_state(numpy)


def _default_generators(device: torch.device) -> Iterator[torch.Generator]:
    yield torch.default_generator
    if device.type == "cuda":
        yield torch.cuda.default_generators[device.index or 0]
    elif device.type == "mps":
        yield torch.mps._get_default_mps_generator()


def host_state() -> tuple[object, ...]:
    """Return the states of the CPU's generators: equal if nothing was drawn in between."""
    numpy = np.random.get_state(legacy=False)
    return torch.default_generator.get_state().numpy().tobytes(), random.getstate(), repr(numpy)


def generator_states(device: torch.device) -> tuple[object, ...]:
    """Return the states of the host's and the device's generators: equal if nothing was drawn."""
    of_device = (one.get_state().numpy().tobytes() for one in _default_generators(device))
    return (*host_state(), *of_device)


def own_generators(network: nn.Module) -> list[OwnGenerator]:
    """List the generators among the attributes of a network's modules, also in lists and dictionaries."""
    found, seen = list[OwnGenerator](), set[int]()

    def search(values: Iterable[object]) -> None:
        for value in values:
            if isinstance(value, OwnGenerator):
                found.append(value)
            elif isinstance(value, list | tuple | dict) and id(value) not in seen:
                seen.add(id(value))
                search(value.values() if isinstance(value, dict) else value)

    for module in network.modules():
        search(vars(module).values())
    return found


def seed_own(generators: list[OwnGenerator], seed: int) -> None:
    """Reset a network's own generators, each to a seed of its own."""
    for number, generator in enumerate(generators, seed):
        if isinstance(generator, torch.Generator):
            generator.manual_seed(number)
        elif isinstance(generator, random.Random):
            generator.seed(number)
        elif isinstance(generator, np.random.RandomState):
            generator.seed(number % 2**32)
        else:
            generator.bit_generator.state = type(generator.bit_generator)(number).state
