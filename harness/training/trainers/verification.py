"""Verification of accelerations: each is compared with the plain step on the case's own first batch.

What fails is switched off for the case, so that no acceleration ends or spoils a training that plain torch would
finish.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from harness.hardware.memory import PeakMemory, is_out_of_memory, release_freed_memory
from harness.models.foreign import raised
from harness.training.trainers.step_changes import (
    Difference,
    StepChanges,
    Steps,
    changes_of_step,
    difference,
    preserved,
)

LACK_OF_MEMORY = "it ran out of memory"
"""The reason for switching off a technique that needs more memory than there is."""

TOLERANCES: Mapping[str, Difference] = {
    # Sums in another order: they differ by 1e-5 at most, while a fault changes percents.
    "fp32": Difference(1e-3, 1e-3),
    "tf32": Difference(1e-2, 1e-1),
    # Rounding to 8 bits turns the gradients of deep networks: by up to 0.21 at ResNet-110, 164 and 200, pre-activation
    # and plain ones, at batches of 8 to 128. But it is unbiased: their norms differed by at most 0.030, the losses by
    # 0.014, so that a step wrong by 10 % is seen.
    "bf16": Difference(0.06, 0.5),
}
"""The greatest difference, by precision, between two ways to compute one step."""

COARSE = Difference(0.25, 1.1)
"""That of the gradient in a network that is sensitive to rounding.

Weights rounded to bf16 turn the first gradient of an untrained ResNet-50 by 0.6 and change its norm by 0.1. A whole
step at bf16 turns it by up to 0.92, that of ResNet-101 and 152 by 1, as other images would: so the direction only
shows a wrong sign. Their norms differed by at most 0.094. ResNet-152 is sensitive at fp32 too: errors of 2⁻²² in its
weights turn the gradient by 0.006.
"""
ROUNDING = {"fp32": 2.0**-22, "tf32": 2.0**-12, "bf16": 2.0**-9}
"""The relative error of rounded weights, by precision; at fp32 that of sums in another order."""


@dataclass(frozen=True)
class Acceleration:
    """A technique as the attribute of a trainer that holds it.

    Attributes:
        value: the attribute's value with the technique.
        plain: its value without.
    """

    technique: str
    attribute: str
    value: Any
    plain: Any


class AcceleratedSteps(Steps, Protocol):
    """A trainer with accelerations that can be switched off one by one."""

    def accelerations(self) -> list[Acceleration]:
        """List the techniques in use, in the order in which they build on one another."""
        ...

    def prepare(self, technique: str, batch: Tensor, labels: Tensor) -> str | None:
        """Prepare a technique for batches of this size; return why it cannot be used, or None."""
        ...

    def switch_off(self, technique: str, reason: str) -> None:
        """Train without the technique from now on."""
        ...


def verify(trainer: AcceleratedSteps, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Compare each technique in use with the step without it; switch off those that raise or differ.

    A step that draws random numbers may draw others with a technique. It is then only checked that the step runs, and
    that its changes are numbers.

    Args:
        trainer: its state stays as it is.
        batches: a batch of each size that is trained, the full one first.

    Raises:
        Exception: the plain step raises it, as it would in training.
    """
    in_use = trainer.accelerations()
    for one in in_use:
        setattr(trainer, one.attribute, one.plain)
    for one in in_use:
        reason = _failure(trainer, one, batches if one.technique == "capture" else batches[:1])
        if reason is None:
            setattr(trainer, one.attribute, one.value)
        else:
            trainer.switch_off(one.technique, reason)
            release_freed_memory(trainer.device)
        if one.technique in ("bf16", "compile"):
            PeakMemory(trainer.device)  # the memory that the plain step took is not the case's: start measuring again


def _failure(trainer: AcceleratedSteps, one: Acceleration, batches: Sequence[tuple[Tensor, Tensor]]) -> str | None:
    """Return why a technique cannot be used for these batches, or None."""
    for whole_batch, whole_labels in batches:
        batch, labels, expected = _plain_step(trainer, one, whole_batch, whole_labels)
        setattr(trainer, one.attribute, one.value)
        try:
            if reason := trainer.prepare(one.technique, batch, labels):
                return reason
            found, precision = changes_of_step(trainer, batch, labels), trainer.precision
        except Exception as error:
            return LACK_OF_MEMORY if is_out_of_memory(error) else f"its step raised {raised(error)}"
        finally:
            setattr(trainer, one.attribute, one.plain)
        if expected.draws and found.is_finite:
            continue
        if not differs_by_rounding_only(expected, found, precision, trainer, (batch, labels)):
            return f"its step differs from the plain one by {difference(expected, found)}"
    return None


def differs_by_rounding_only(
    expected: StepChanges, found: StepChanges, precision: str, plain: Steps, batch: tuple[Tensor, Tensor]
) -> bool:
    """Return whether a step's changes are the expected ones but for rounding.

    Args:
        expected: the plain step's changes.
        found: those of the other way to compute it.
        precision: that of the less precise one.
        plain: a trainer that computes the plain step; its state stays as it is.
        batch: images and labels of the step.
    """
    if difference(expected, found).is_within(TOLERANCES[precision]):
        return True
    return _is_coarsely_right(expected, found, precision) and _is_sensitive(plain, *batch, expected, precision)


def _is_coarsely_right(expected: StepChanges, found: StepChanges, precision: str) -> bool:
    """Return whether only the gradient differs beyond the tolerance, and is within `COARSE`."""
    gradient = ("weights", "momentum")
    others = [name for name in expected.parts if name not in gradient]
    is_right = difference(expected, found, others).is_within(TOLERANCES[precision])
    return is_right and difference(expected, found, gradient).is_within(COARSE)


def _is_sensitive(trainer: Steps, batch: Tensor, labels: Tensor, expected: StepChanges, precision: str) -> bool:
    """Return whether errors as from rounding in the weights change a step by more than the tolerance.

    Args:
        expected: the step's changes without these errors.
    """
    weights, generator = trainer.state_by_part()["weights"], torch.Generator().manual_seed(0)
    with preserved(weights):
        for weight in weights:
            signs = torch.randint(0, 2, weight.shape, generator=generator).to(weight.device) * 2 - 1
            with torch.no_grad():
                weight.mul_(1 + ROUNDING[precision] * signs)
        rounded = changes_of_step(trainer, batch, labels)
    return not difference(expected, rounded).is_within(TOLERANCES[precision])


def _plain_step(
    trainer: AcceleratedSteps, one: Acceleration, batch: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor, StepChanges]:
    """Return a batch and the changes by the plain step on it.

    For bf16, which takes half of the memory, the batch is halved while a step at fp32 takes more than there is.
    """
    while True:
        try:
            return batch, labels, changes_of_step(trainer, batch, labels)
        except Exception as error:
            if one.technique != "bf16" or len(labels) < 4 or not is_out_of_memory(error):
                raise
        release_freed_memory(trainer.device)
        batch, labels = batch[: len(labels) // 2], labels[: len(labels) // 2]
