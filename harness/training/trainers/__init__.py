"""How a recipe is carried out: fast, as the hardware allows, or by the reference, as the study did it.

Both train the same network by the same recipe; the reference is the yardstick of speed and the oracle of equivalence.
"""

from collections.abc import Callable

import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup
from harness.training.trainers.data_parallel import RankZeroTrainer
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from harness.training.trainers.trainer import Trainer


def make_trainer(
    case: Case, spec: DatasetSpec, device: torch.device, processes: ProcessGroup = SINGLE_PROCESS
) -> Trainer:
    """The trainer of the case's pipeline, its network as the case's seed draws it.

    Args:
        processes: the processes that train it together, of which this one leads.
    """
    if processes.is_distributed:
        return RankZeroTrainer(case, spec, device, processes)
    trainers: dict[str, Callable[[Case, DatasetSpec, torch.device], Trainer]] = {
        "fast": FastTrainer,
        "reference": ReferenceTrainer,
    }
    return trainers[case.pipeline](case, spec, device)
