"""Data-parallel steps on fake CUDA: the host waits once at an epoch's end, as with one process."""

from dataclasses import replace

import pytest
from torch import nn

from harness.training.process_group import ProcessGroup
from harness.training.trainers.data_parallel import DataParallelTrainer
from harness.training.trainers.trainer import trial_of_case
from tests.helpers.fake_cuda import GPU, PhaseWatch, fake_cuda
from tests.helpers.networks import own_case
from tests.helpers.tiny import TINY_SPEC, make_case, make_dataset

DATASET = make_dataset(train_images=9)  # batches of 8 images, and of one, which only the last rank has
READ, TO_CPU = "read of a value", "copy to the CPU"
MODULE = "training/trainers/data_parallel.py"


class Unconnected(ProcessGroup):
    """One rank of several, whose collectives leave its own values."""

    def all_reduce(self, tensor):
        return tensor


class Partial(nn.Module):
    """A network with a parameter that it does not use."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.norm, self.fc = nn.BatchNorm2d(in_channels), nn.Linear(in_channels, num_classes)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        return self.fc(self.norm(x).mean(dim=(2, 3)))


def waits_of_an_epoch(case, rank):
    trial_of_case(case, TINY_SPEC)  # on the CPU, as before a training
    with fake_cuda() as cuda:
        trainer = DataParallelTrainer(case, TINY_SPEC, GPU, Unconnected(rank, 3))
        placed = trainer.place(DATASET.train)
        with cuda.recording("epoch"):
            trainer.train_epoch(placed, 0, PhaseWatch(cuda))
    return {phase: cuda.waits_in(phase) for phase in ("load", "train", "epoch")}


@pytest.mark.parametrize(("rank", "precision"), [(0, "bf16"), (2, "fp32")])
def test_a_rank_waits_only_at_an_epochs_end(rank, precision):
    case = make_case(DATASET, device_kind="cuda", precision=precision)
    waits = waits_of_an_epoch(case, rank)
    assert waits["load"] == waits["train"] == {}
    assert waits["epoch"] == {(READ, f"{MODULE}:train_epoch"): 2}


def test_flags_are_read_once_a_step_if_a_parameter_is_unused():
    case = replace(own_case(DATASET, Partial), device_kind="cuda")
    assert waits_of_an_epoch(case, 0)["train"] == {(TO_CPU, "training/trainers/gradient_sums.py:_used"): 2}
