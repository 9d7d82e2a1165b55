"""The changes that one training step makes, and how much they differ between two ways to compute it.

Compared are the changes to the weights, the momentum, BatchNorm's statistics and the loss, from zero momentum at a
learning rate of 1: the weights then change by their gradient, weight decay included.
"""

import contextlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import torch
from torch import Tensor

from harness.models.random_state import OwnGenerator, generator_states, seeded


@dataclass(frozen=True)
class Difference:
    """The greatest difference between two steps, over the parts of the state that they change.

    Attributes:
        size: the relative difference of the changes' norms; of the loss, its relative difference.
        direction: 1 − the cosine of the angle between the changes.
    """

    size: float
    direction: float

    def is_within(self, tolerance: "Difference") -> bool:
        """Return whether neither difference exceeds its tolerance; a value that is no number does."""
        return self.size <= tolerance.size and self.direction <= tolerance.direction

    def __str__(self) -> str:
        return f"{self.size:.2g} in size, {self.direction:.2g} in direction"


class Steps(Protocol):
    """The part of a trainer that is compared with another one's.

    Attributes:
        precision: that of the products.
        network_generators: the generators that the network's modules keep.
    """

    device: torch.device
    optimizer: torch.optim.Optimizer
    precision: str

    @property
    def network_generators(self) -> list[OwnGenerator]: ...

    def step(self, batch: Tensor, labels: Tensor) -> None: ...

    def state_by_part(self) -> dict[str, list[Tensor]]:
        """Return every tensor that a step changes, under ``weights``, ``momentum`` and other names."""
        ...


@dataclass(frozen=True)
class StepChanges:
    """The changes that one step makes to each part of the state, on the CPU.

    Attributes:
        draws: true if the step draws random numbers, so that two ways to compute it may draw different ones.
    """

    parts: Mapping[str, list[Tensor]]
    draws: bool

    @property
    def is_finite(self) -> bool:
        """True if every change is a number."""
        return all(bool(one.isfinite().all()) for one in chain(*self.parts.values()))


@contextlib.contextmanager
def preserved(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Restore every tensor's values in place afterwards, so that the steps inside leave no trace.

    The copies are on the CPU, so that they take no memory of a GPU; they are yielded in the tensors' order.
    """
    kept = [(tensor, tensor.detach().to("cpu", copy=True)) for tensor in tensors]
    try:
        yield [values for _, values in kept]
    finally:
        with torch.no_grad():
            for tensor, values in kept:
                tensor.copy_(values)


def changes_of_step(trainer: Steps, batch: Tensor, labels: Tensor) -> StepChanges:
    """Return the changes by one step from zero momentum at a learning rate of 1; it leaves no trace."""
    state = trainer.state_by_part()
    with preserved(chain(*state.values())) as kept, _unit_learning_rate(trainer.optimizer), seeded(0, trainer.device):
        for momentum in state["momentum"]:
            momentum.zero_()
        before, drawn = iter(kept), generator_states(trainer.device)
        trainer.step(batch, labels)
        draws = bool(trainer.network_generators) or generator_states(trainer.device) != drawn
        parts = {
            name: [_change(tensor, next(before), from_zero=name == "momentum") for tensor in tensors]
            for name, tensors in state.items()
        }
    return StepChanges({name: [one for one in part if one is not None] for name, part in parts.items()}, draws)


def _change(after: Tensor, before: Tensor, *, from_zero: bool) -> Tensor | None:
    """Return a tensor's change on the CPU; None for whole numbers, which count steps or images."""
    if not after.is_floating_point():
        return None
    values = after.detach().to("cpu", copy=True)
    return values if from_zero else values - before


@contextlib.contextmanager
def _unit_learning_rate(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Set a learning rate of 1, in place if a captured step reads it, and restore it afterwards."""
    rates = [
        group["lr"].clone() if isinstance(group["lr"], Tensor) else group["lr"] for group in optimizer.param_groups
    ]
    _set_learning_rates(optimizer, [1.0] * len(rates))
    try:
        yield
    finally:
        _set_learning_rates(optimizer, rates)


def _set_learning_rates(optimizer: torch.optim.Optimizer, rates: Sequence[Any]) -> None:
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def difference(expected: StepChanges, found: StepChanges, names: Collection[str] = ()) -> Difference:
    """Return the greatest difference of a step's changes from the expected ones.

    It is 0 if the expected ones are no numbers: the case diverges in any way of training.

    Args:
        names: the parts that are compared; all if there are none.
    """
    if not expected.is_finite:
        return Difference(0.0, 0.0)
    if not found.is_finite:
        return Difference(math.inf, math.inf)
    parts = [_difference(expected.parts[name], found.parts[name]) for name in names or expected.parts]
    return Difference(max(one.size for one in parts), max(one.direction for one in parts))


def _difference(expected: Sequence[Tensor], found: Sequence[Tensor]) -> Difference:
    squares = product = other_squares = 0.0
    for one, other in zip(expected, found, strict=True):
        a, b = one.double().flatten(), other.double().flatten()
        squares += a.dot(a).item()
        product += a.dot(b).item()
        other_squares += b.dot(b).item()
    if squares == other_squares == 0:
        return Difference(0.0, 0.0)
    if squares == 0 or other_squares == 0:
        return Difference(math.inf, 1.0)
    size = abs(math.sqrt(other_squares / squares) - 1)
    return Difference(size, max(0.0, 1 - product / math.sqrt(squares * other_squares)))
