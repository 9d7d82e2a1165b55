"""A case of the embedded digits that trains in seconds, and a training of it that crashes."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

import harness
from harness.training.callback import TrainingCallback

_EPOCHS, _LAST = 4, 2


class _Crashing(TrainingCallback):
    """A callback that ends the process after an epoch, without any clean-up."""

    def on_epoch(self, case: harness.Case, record: harness.EpochRecord) -> None:
        if record.epoch == _LAST:
            os._exit(1)


class Resumed(TrainingCallback):
    """A callback that keeps the number of epochs that a training found finished.

    Attributes:
        epochs: that number; None if the training was not resumed.
    """

    def __init__(self) -> None:
        self.epochs: int | None = None

    def on_resume(self, case: harness.Case, records: Sequence[harness.EpochRecord]) -> None:
        self.epochs = len(records)


def train_small_case(results: Path, callback: TrainingCallback | None = None) -> harness.Result:
    """Train ResNet-8 on the digits on the CPU for a few epochs; return its result, kept in the folder."""
    dataset = harness.load_dataset("digits", results)
    case = harness.Case(
        model="resnet8",
        dataset="digits",
        recipe=harness.DIGITS.with_epochs(_EPOCHS),
        seed=0,
        mode="shortened",
        device_kind="cpu",
        precision="fp32",
        data_fingerprint=dataset.fingerprint,
    )
    context = harness.TrainingContext(callback=callback or TrainingCallback())
    return harness.train(case, dataset, harness.ResultsFolder(results), torch.device("cpu"), context=context)


def crash_in_training(results: str) -> None:
    """Train the case until the process dies after its second epoch."""
    train_small_case(Path(results), _Crashing())
