"""The progress of a sweep: cases that are trained at the same time. Needs no torch."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from harness.config.case import Case
from harness.results.result import EpochRecord

Phase = Literal["waiting", "running", "done"]


@dataclass
class _Trained:
    """The epochs trained in this sweep of one model on one dataset, or on a share of it."""

    epochs: int = 0
    seconds: float = 0.0


class SweepProgress:
    """The progress of each case of a sweep.

    Attributes:
        running: cases in training, each with its last epoch's record, None before the first.
    """

    def __init__(self) -> None:
        self.running: list[tuple[Case, EpochRecord | None]] = []
        self._phases: dict[Phase, int] = {"waiting": 0, "running": 0, "done": 0}
        self._epochs_left: dict[tuple[str, str, float], int] = defaultdict(int)
        self._trained: dict[tuple[str, str, float], _Trained] = defaultdict(_Trained)

    def add(self, case: Case, epochs: int, seconds: float, last: EpochRecord | None, phase: Phase) -> None:
        """Add a case.

        Args:
            epochs, seconds: the number of epochs trained in this sweep and their time.
            last: the last epoch's record; None before the first.
        """
        self._phases[phase] += 1
        kind = (case.dataset, case.model, case.train_fraction)
        self._trained[kind].epochs += epochs
        self._trained[kind].seconds += seconds
        if phase != "done":
            self._epochs_left[kind] += case.recipe.epochs - (last.epoch if last else 0)
        if phase == "running":
            self.running.append((case, last))

    @property
    def done(self) -> int:
        """The number of cases that have ended."""
        return self._phases["done"]

    @property
    def cases(self) -> int:
        """The number of all cases."""
        return sum(self._phases.values())

    @property
    def seconds_left(self) -> float | None:
        """The estimated remaining time; None before the first epoch is finished.

        The estimate takes the mean epoch time of the same model on the same dataset, or of all cases if that model has
        no epoch yet, and assumes that as many cases are trained at once as now.
        """
        epochs = sum(one.epochs for one in self._trained.values())
        if not epochs or not self.running:
            return None
        mean = sum(one.seconds for one in self._trained.values()) / epochs
        left = 0.0
        for kind, count in self._epochs_left.items():
            same = self._trained[kind]
            left += count * (same.seconds / same.epochs if same.epochs else mean)
        return left / len(self.running)
