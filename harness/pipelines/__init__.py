"""How a recipe is carried out: fast, as the hardware allows, or by the reference, as the study did it.

Both train the same network by the same recipe; the reference is the yardstick of speed and the oracle of equivalence.
"""

from collections.abc import Callable

import torch

from harness.case import Case
from harness.pipelines.fast import FastTrainer
from harness.pipelines.reference import ReferenceTrainer
from harness.pipelines.trainer import Trainer


def make_trainer(case: Case, in_channels: int, num_classes: int, device: torch.device) -> Trainer:
    """The trainer of the case's pipeline, its network as the case's seed draws it."""
    trainers: dict[str, Callable[[Case, int, int, torch.device], Trainer]] = {
        "fast": FastTrainer,
        "reference": ReferenceTrainer,
    }
    return trainers[case.pipeline](case, in_channels, num_classes, device)
