"""Trainers, one per pipeline: fast, at the hardware's pace, and reference, as in the study's code.

Both train the same network by the same recipe. The reference is the baseline of speed and the oracle of equivalence.
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
    """Return the trainer of the case's pipeline, with the network that the case's seed initialises.

    Args:
        case: the case to train.
        spec: its dataset's channels and classes.
        device: the device to train on.
        processes: the process group that trains the case together; this process is its rank 0.
    """
    if processes.is_distributed:
        return RankZeroTrainer(case, spec, device, processes)
    trainers: dict[str, Callable[[Case, DatasetSpec, torch.device], Trainer]] = {
        "fast": FastTrainer,
        "reference": ReferenceTrainer,
    }
    return trainers[case.pipeline](case, spec, device)
