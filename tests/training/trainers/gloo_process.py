"""One of several real processes, connected by gloo: what threads cannot show. Rank 0 writes what it finds to a file.

Its arguments: the folder to write to. Run it once per rank, with torchrun's variables.
"""

import sys
from pathlib import Path

import torch

from harness.hardware.stopwatch import Stopwatch
from harness.results.folder import ResultsFolder
from harness.training.context import TrainingContext
from harness.training.process_group import ProcessGroup
from harness.training.train import train, train_by_epochs
from harness.training.trainers import fast
from harness.training.trainers.data_parallel import DataParallelTrainer, Follower
from tests.helpers.tiny import CPU, TINY_SPEC, make_case, make_dataset

# A batch of 8 images, and one of a single image: two ranks of three have none.
DATASET = make_dataset(train_images=9, test_images=4)
CASE = make_case(DATASET)


def use_double():
    """Let networks and inputs have double precision; return a function that undoes it."""
    load, initial = fast.FastTrainer._load, fast.initial_network

    def loaded(self, *arguments):
        inputs, labels = load(self, *arguments)
        return inputs.double(), labels

    def undo():
        fast.FastTrainer._load, fast.initial_network = load, initial

    fast.FastTrainer._load = loaded
    fast.initial_network = lambda *arguments: initial(*arguments).double()
    return undo


def after_two_epochs(trainer):
    """Loss and accuracy of two epochs, then weights and momentum."""
    epochs = [trainer.train_epoch(DATASET.train, epoch, Stopwatch(CPU)) for epoch in range(2)]
    return {"epochs": epochs, "weights": trainer.weights(), "momentum": trainer.momentum()}


def trained_results(processes, folder):
    """Train the case uninterrupted, and resumed after its first epoch, into two folders."""

    def act():
        context = TrainingContext(processes=processes)
        train(CASE, DATASET, ResultsFolder(folder / "uninterrupted"), CPU, context=context)
        epochs = train_by_epochs(CASE, DATASET, ResultsFolder(folder / "resumed"), CPU, context=context)
        next(epochs)
        epochs.close()
        train(CASE, DATASET, ResultsFolder(folder / "resumed"), CPU, context=context)

    if processes.is_rank_zero:
        processes.run_on_rank_zero(act)
    else:
        processes.follow(Follower(CASE, DATASET, CPU, processes).execute)


def main(folder):
    torch.set_num_threads(1)
    processes = ProcessGroup.from_environment()
    processes.connect()
    found, undo = {}, use_double()
    for processes.is_sharded in (False, True):
        trainer = DataParallelTrainer(CASE, TINY_SPEC, CPU, processes)
        found["sharded" if processes.is_sharded else "whole"] = after_two_epochs(trainer)
    found["numbers_of_a_rank"] = sum(one.to_local().numel() for one in trainer.network.parameters())
    undo()
    for name, is_sharded in (("whole, bf16", False), ("sharded, bf16", True)):
        processes.is_sharded = is_sharded
        trainer = DataParallelTrainer(make_case(DATASET, precision="bf16"), TINY_SPEC, CPU, processes)
        found[name] = trainer.train_epoch(DATASET.train, 0, Stopwatch(CPU))
    trained_results(processes, folder)
    if processes.is_rank_zero:
        torch.save(found, folder / "found.pt")
    processes.disconnect()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
